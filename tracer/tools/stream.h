/* SPDX-License-Identifier: Apache-2.0 */
/* ttdump --stream: a dump that grows while recording goes on. */
#ifndef TTDUMP_STREAM_H
#define TTDUMP_STREAM_H

/*
 * Collects into the file @to until SIGINT or SIGTERM comes or @seconds are
 * over (0: no limit). 0, or 1 after a line on standard error; what was
 * collected until then can be read as a damaged dump.
 */
int stream_collect(const char *to, unsigned int seconds);

#endif /* TTDUMP_STREAM_H */
