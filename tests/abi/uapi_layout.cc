// SPDX-License-Identifier: Apache-2.0
#include "uapi_layout.c"
