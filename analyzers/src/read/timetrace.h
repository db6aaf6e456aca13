// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_READ_TIMETRACE_H
#define HOMASCOPE_READ_TIMETRACE_H

#include <memory>
#include <string>

#include "base/result.h"
#include "model/trace.h"
#include "timetrace/reader.h"

namespace hs {

struct CloseReader {
  void operator()(tt_reader* reader) const { tt_close(reader); }
};
using TimetraceReader = std::unique_ptr<tt_reader, CloseReader>;

Result<TimetraceReader> OpenTimetrace(const std::string& path);

// Reads a whole dump of timetrace. Damage inside it is no error: what could be
// read is returned, and what could not is in Trace::stats.
Result<Trace> ReadTimetrace(const std::string& path);

// Losses as the dump counts them, over all CPUs.
ImportStats ReadLosses(const tt_reader* reader);

}  // namespace hs

#endif  // HOMASCOPE_READ_TIMETRACE_H
