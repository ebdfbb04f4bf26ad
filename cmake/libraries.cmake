# The libraries that the project stands on, as imported targets.
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
set(MPI_C_COMPILE_DEFINITIONS OMPI_SKIP_MPICXX)
find_package(MPI REQUIRED COMPONENTS C)
set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 REQUIRED COMPONENTS C HL)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(NLopt REQUIRED)
add_library(dcmmm_nlopt INTERFACE)
add_library(dcmmm::nlopt ALIAS dcmmm_nlopt)
target_link_libraries(dcmmm_nlopt INTERFACE NLopt::nlopt)

add_library(dcmmm_hdf5 INTERFACE)
add_library(dcmmm::hdf5 ALIAS dcmmm_hdf5)
target_include_directories(dcmmm_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(dcmmm_hdf5 INTERFACE ${HDF5_C_HL_LIBRARIES} ${HDF5_C_LIBRARIES} MPI::MPI_C)

file(GLOB site_packages ${CMAKE_SOURCE_DIR}/.deps/lib/python3*/site-packages)

# LibTorch: its own CMake package insists on a CUDA toolkit, so the two libraries are linked directly.
set(torch_root ${DCMMM_TORCH})
if(NOT torch_root)
  set(torch_root ${site_packages}/torch)
endif()
if(NOT EXISTS ${torch_root}/include/ATen/ATen.h)
  message(FATAL_ERROR "No LibTorch in '${torch_root}'. Run `bash launch/build.sh`, which fetches it, or pass -DDCMMM_TORCH=DIR.")
endif()
add_library(dcmmm_torch INTERFACE)
add_library(dcmmm::torch ALIAS dcmmm_torch)
target_include_directories(dcmmm_torch SYSTEM INTERFACE ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
target_link_libraries(dcmmm_torch INTERFACE ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so)
# By its flag, not by OpenMP::OpenMP_CXX, which names GCC's libgomp beside LibTorch's own: one of the two is loaded, by name.
target_compile_options(dcmmm_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
target_link_options(dcmmm_torch INTERFACE -fopenmp -Wl,--allow-shlib-undefined)

# Arrow C++ (CSV, Parquet) from the pyarrow wheel, or the system's.
add_library(dcmmm_arrow INTERFACE)
add_library(dcmmm::arrow ALIAS dcmmm_arrow)
file(GLOB arrow_library ${site_packages}/pyarrow/libarrow.so.*)
file(GLOB arrow_compute_library ${site_packages}/pyarrow/libarrow_compute.so.*)
file(GLOB parquet_library ${site_packages}/pyarrow/libparquet.so.*)
if(arrow_library AND parquet_library)
  target_include_directories(dcmmm_arrow SYSTEM INTERFACE ${site_packages}/pyarrow/include)
  target_link_libraries(dcmmm_arrow INTERFACE ${parquet_library} ${arrow_library})
  target_compile_definitions(dcmmm_arrow INTERFACE DCMMM_ARROW=1)
else()
  message(WARNING "No Arrow C++ in .deps: `dcmmm import` will refuse CSV and Parquet files.")
endif()

# plotly.js, which the pages of `dcmmm report` carry inside: read when a page is written, nothing links it.
set(DCMMM_PLOTLY ${site_packages}/plotly/package_data/plotly.min.js)

# The installed binary finds these two where set-up put them.
list(APPEND CMAKE_INSTALL_RPATH ${torch_root}/lib ${site_packages}/pyarrow)
