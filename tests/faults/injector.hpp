// A list of faults, each at a named point of this process:
//   step        the start of a training step
//   gradient    a chunk's gradient, before it is summed
//   collective  an all-reduce, gather, broadcast or barrier of MPI
//   write, sync, rename, open   system calls on a file (open: for writing), also those of HDF5, MPI and the C++ library
//
// As text, in the environment variable DCMMM_FAULTS: faults separated by ';', fields by ',':
//   at=write,file=manifest.json,nth=2,do=kill,rank=1
// `file`: part of the path; `nth`: which of the matching calls, from 1 on; `rank`: the one that it happens on (0).
// `lasting=1`: also at every later one. DCMMM_FAULTS_SEEN=PATH: at the end, PATH<rank> says how often each was met.
// DCMMM_FAULTS_HIT=PATH: a file that the first fault makes when it comes.
// `do`: kill, hang, term, int, usr1; nan (gradient); on files eio, enospc, eacces, short (half of a write is done).
#pragma once

#include <string>
#include <vector>

namespace dcmmm::testing {

struct Fault {
  std::string at, file, what;
  int nth = 1, rank = 0;
  bool lasting = false;
  int seen = 0;  // matching calls so far
};

/// Throws std::invalid_argument.
std::vector<Fault> parse_faults(const std::string& text);

/// Replaces the list.
void set_faults(std::vector<Fault> faults);

/// Matching calls of the list's first fault so far.
int calls_seen();

}  // namespace dcmmm::testing
