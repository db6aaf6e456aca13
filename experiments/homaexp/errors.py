# SPDX-License-Identifier: Apache-2.0
"""What a user can be told in one line."""


class UserError(Exception):
    """Something the user can put right; str() says what, where and how."""
