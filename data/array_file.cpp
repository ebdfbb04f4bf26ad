#include "data/array_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "comm/collective_guard.hpp"
#include "common/errors.hpp"
#include "common/text.hpp"
#include "data/array_file_state.hpp"

namespace dcmmm {
namespace fs = std::filesystem;
namespace {

constexpr size_t kCacheBytes = 2 << 20;  // of each array: chunks are mostly up to 1 MiB

Hdf5Handle access_properties() {
  Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // The format of 1.10 puts a checksum on all metadata: an altered file is refused instead of misread.
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  // Files appear by rename and never change after, so locks protect nothing, and some network file systems have none.
  H5Pset_file_locking(access.get(), false, true);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  H5Pset_cache(access.get(), 0, 521, kCacheBytes, 1.0);
  return access;
}

// A chunk larger than its array's cache would be read again for every box: a panel of very many regions has such.
Hdf5Handle with_room_for_a_chunk(hid_t file, const std::string& name, Hdf5Handle dataset) {
  const Hdf5Handle creation(H5Dget_create_plist(dataset.get()), H5Pclose), type(H5Dget_type(dataset.get()), H5Tclose);
  if (H5Pget_layout(creation.get()) != H5D_CHUNKED) return dataset;
  hsize_t lengths[H5S_MAX_RANK];
  size_t bytes = H5Tget_size(type.get());
  const int rank = H5Pget_chunk(creation.get(), H5S_MAX_RANK, lengths);
  for (int i = 0; i < rank; ++i) bytes *= lengths[i];
  if (bytes <= kCacheBytes) return dataset;
  const Hdf5Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
  H5Pset_chunk_cache(access.get(), H5D_CHUNK_CACHE_NSLOTS_DEFAULT, bytes, H5D_CHUNK_CACHE_W0_DEFAULT);
  dataset.close();  // an open array keeps its cache
  return {H5Dopen2(file, name.c_str(), access.get()), H5Dclose};
}

std::string name_in(const fs::path& path, const std::string& name) {
  return name.empty() ? text("'", path.string(), "'") : text("array '", name, "' of '", path.string(), "'");
}

/// The system's reason why the path can't be read, found before HDF5 hides it; the file's length in bytes otherwise.
uint64_t readable_bytes(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status = {};
  int reason = descriptor < 0 || ::fstat(descriptor, &status) != 0 ? errno : 0;
  if (descriptor >= 0) ::close(descriptor);
  if (reason == 0 && S_ISDIR(status.st_mode)) reason = EISDIR;
  if (reason != 0) {
    throw UserError(text("Can't open '", path.string(), "': ", std::strerror(reason),
                         ". Check the path, and that the file may be read."));
  }
  return static_cast<uint64_t>(status.st_size);
}

}  // namespace

void ArrayFile::State::describe(const std::function<void()>& work) {
  if (communicator == nullptr) return work();
  open_again(false);
  if (communicator->rank() == 0) keep_failure(work);
}

void ArrayFile::State::alone(const std::function<void()>& work) {
  if (communicator == nullptr) return work();
  open_again(true);
  keep_failure(work);
}

void ArrayFile::State::together(const std::function<void()>& work) {
  if (communicator == nullptr) return work();
  open_again(true);
  agree(*communicator, [&] {
    throw_kept();
    work();
  });
}

void ArrayFile::State::keep_failure(const std::function<void()>& work) {
  if (kept) return;
  try {
    work();
  } catch (const std::exception&) {
    kept = std::current_exception();
  }
}

void ArrayFile::State::throw_kept() {
  if (kept) std::rethrow_exception(std::exchange(kept, nullptr));
}

void ArrayFile::State::close_together() {
  // Before a flush, which is collective: HDF5 leaves the others waiting in it for a rank whose writes failed.
  agree(*communicator, [&] { throw_kept(); });
  agree(*communicator, [&] { close(); });
}

void ArrayFile::State::open_again(bool on_all) {
  if (open_on_all == on_all) return;
  close_together();
  open_on_all = on_all;
  agree(*communicator, [&] {
    if (!on_all && communicator->rank() != 0) return;
    const Hdf5Handle access = access_properties();
    if (on_all) {
      auto* group = static_cast<MPI_Comm*>(communicator->mpi_handle());
      if (group == nullptr) throw UserError(text("Can't write '", path.string(), "' from several ranks without MPI."));
      H5Pset_fapl_mpio(access.get(), *group, MPI_INFO_NULL);
    }
    file = Hdf5Handle(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()), H5Fclose);
    if (!file.valid()) fail_writing("");
  });
}

void ArrayFile::State::make_file() {
  const Hdf5Handle access = access_properties();
  const Hdf5Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_obj_track_times(creation.get(), false);
  if (sealed) H5Pset_userblock(creation.get(), kSealBytes);
  file = Hdf5Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose);
  if (!file.valid()) fail_writing("");
}

void ArrayFile::State::close() {
  // Every part is closed whatever the others say: where all ranks have the file open, each close is collective.
  std::string failure;
  const auto note = [&](bool done) {
    if (!done && failure.empty()) failure = hdf5_reason();
  };
  for (auto& [name, dataset] : datasets) note(dataset.close());
  datasets.clear();
  if (writing && file.valid()) note(H5Fflush(file.get(), H5F_SCOPE_GLOBAL) >= 0);
  note(file.close());
  if (writing && !failure.empty()) fail_writing("", failure);
}

void ArrayFile::State::abandon() {
  for (auto& [name, dataset] : datasets) dataset.abandon();
  file.abandon();
}

void ArrayFile::State::fail_writing(const std::string& name) const { fail_writing(name, hdf5_reason()); }

void ArrayFile::State::fail_writing(const std::string& name, const std::string& reason) const {
  throw UserError(text("Can't write ", name_in(path, name), ": ", reason,
                       ". Check that the folder exists, may be written and has space left."));
}

void ArrayFile::State::fail_reading(const std::string& name) const { fail_damaged(name, hdf5_reason()); }

void ArrayFile::State::fail_damaged(const std::string& name, const std::string& reason) const {
  throw DamagedFileError(
      text("Can't read ", name_in(path, name), ": ", reason,
           ". The file is damaged or not of the expected kind: use another copy of it, or make it again."));
}

hid_t ArrayFile::State::dataset(const std::string& name) {
  Hdf5Handle& handle = datasets[name];
  if (!handle.valid()) {
    if (H5Lexists(file.get(), name.c_str(), H5P_DEFAULT) <= 0) fail_damaged(name, "there is no such array in it");
    handle = Hdf5Handle(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
    if (handle.valid() && !writing) handle = with_room_for_a_chunk(file.get(), name, std::move(handle));
    if (!handle.valid()) fail_reading(name);
  }
  return handle.get();
}

int64_t ArrayFile::State::number_of_dimension(const std::string& name) const {
  for (size_t i = 0; i < dimensions.size(); ++i) {
    if (dimensions[i].name == name) return static_cast<int64_t>(i);
  }
  return -1;
}

std::vector<int64_t> ArrayFile::State::shape(const std::string& name) {
  const Hdf5Handle space(H5Dget_space(dataset(name)), H5Sclose);
  const Hdf5Handle type(H5Dget_type(dataset(name)), H5Tclose);
  hsize_t lengths[H5S_MAX_RANK];
  const int rank = space.valid() ? H5Sget_simple_extent_dims(space.get(), lengths, nullptr) : -1;
  if (rank < 0 || !type.valid()) fail_reading(name);
  if (!writing) {
    // A wrong header must not make anyone allocate terabytes. Deflate packs at most 1,032 : 1.
    const Hdf5Handle creation(H5Dget_create_plist(dataset(name)), H5Pclose);
    const bool packed = H5Pget_layout(creation.get()) == H5D_CHUNKED;
    double bytes = static_cast<double>(H5Tget_size(type.get()));
    for (int i = 0; i < rank; ++i) bytes *= static_cast<double>(lengths[i]);
    if (bytes > static_cast<double>(file_bytes) * (packed ? 1100 : 1)) {
      fail_damaged(name, text("it claims to hold ", bytes, " bytes, in a file of ", file_bytes));
    }
  }
  return {lengths, lengths + rank};
}

Hdf5Handle ArrayFile::State::select(const std::string& name, const std::vector<int64_t>& start,
                                    const std::vector<int64_t>& count) {
  const std::vector<int64_t> lengths = shape(name);
  bool inside = start.size() == lengths.size() && count.size() == lengths.size();
  bool empty = false;
  for (size_t i = 0; inside && i < lengths.size(); ++i) {
    inside = start[i] >= 0 && count[i] >= 0 && start[i] <= lengths[i] && count[i] <= lengths[i] - start[i];
    empty = empty || count[i] == 0;
  }
  if (!inside) throw UserError(text("A box outside array '", name, "' of '", path.string(), "' was asked for."));
  Hdf5Handle space(H5Dget_space(dataset(name)), H5Sclose);
  if (empty) {
    H5Sselect_none(space.get());
  } else if (!lengths.empty()) {
    const std::vector<hsize_t> first(start.begin(), start.end()), length(count.begin(), count.end());
    H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, first.data(), nullptr, length.data(), nullptr);
  }
  return space;
}

ArrayFile ArrayFile::create(const fs::path& path, Communicator* communicator) {
  silence_hdf5();
  auto state = std::make_unique<State>();
  state->path = path;
  state->writing = true;
  if (communicator != nullptr && communicator->size() > 1) state->communicator = communicator;
  state->describe([&] { state->make_file(); });
  return ArrayFile(std::move(state));
}

ArrayFile ArrayFile::create_sealed(const fs::path& path) {
  silence_hdf5();
  auto state = std::make_unique<State>();
  state->path = path;
  state->writing = true;
  state->sealed = true;
  state->make_file();
  return ArrayFile(std::move(state));
}

ArrayFile ArrayFile::open(const fs::path& path) {
  silence_hdf5();
  auto state = std::make_unique<State>();
  state->path = path;
  state->file_bytes = readable_bytes(path);
  const SealCheck seal = check_seal(path);
  if (!seal.problem.empty()) state->fail_damaged("", seal.problem);
  state->sealed = seal.is_sealed;
  const Hdf5Handle access = access_properties();
  state->file = Hdf5Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (!state->file.valid()) state->fail_reading("");
  state->read_dimensions();
  return ArrayFile(std::move(state));
}

ArrayFile::ArrayFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ArrayFile::ArrayFile(ArrayFile&&) noexcept = default;
ArrayFile& ArrayFile::operator=(ArrayFile&&) noexcept = default;

ArrayFile::~ArrayFile() {
  if (state_ && state_->open_on_all) state_->abandon();
}

void ArrayFile::close() {
  if (state_->communicator != nullptr) {
    state_->close_together();
  } else if (state_->sealed && state_->writing && state_->file.valid()) {
    const std::vector<ByteRange> numbers = state_->chunks_of_numbers();
    state_->close();
    seal_file(state_->path, numbers);
  } else {
    state_->close();
  }
}

const fs::path& ArrayFile::path() const { return state_->path; }

}  // namespace dcmmm
