// The GPUs of a machine, for trials side by side: each takes one, in turn.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dcmmm {

/// The GPUs that CUDA would find, as CUDA_VISIBLE_DEVICES calls them. `list`: that variable's value, whose entries
/// count up to the first that is none ("-1"). Null where it isn't set: numbers of as many as `folder` has device files
/// of the driver's (nvidia0, nvidia1, ...) that this process may open.
std::vector<std::string> visible_devices(const char* list, const std::filesystem::path& folder = "/dev");

/// The GPU of the trials in a slot; "" where there is no choice: with one GPU or none.
std::string device_of_slot(const std::vector<std::string>& devices, int64_t slot);

}  // namespace dcmmm
