# The CUDA target: NCCL and the .cu kernels, linked into a second binary `dcmmm-cuda`, so that the CPU binary needs no GPU
# library. The kernels are our own and take plain pointers: of LibTorch, it needs the CPU's half. DCMMM_CUDA=AUTO builds it
# where nvcc and NCCL are found, ON fails without them, OFF leaves it out.
set_property(CACHE DCMMM_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT DCMMM_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "DCMMM_CUDA='${DCMMM_CUDA}': expected AUTO, ON or OFF.")
endif()
if(DCMMM_CUDA STREQUAL "OFF")
  return()
endif()

# CMake itself looks for nvcc in CUDACXX and PATH; toolkits often lie in neither.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(DCMMM_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
  if(DCMMM_NVCC)
    set(CMAKE_CUDA_COMPILER ${DCMMM_NVCC})
  endif()
endif()
include(CheckLanguage)
check_language(CUDA)
set(missing "")
if(CMAKE_CUDA_COMPILER)
  get_filename_component(cuda_root ${CMAKE_CUDA_COMPILER} DIRECTORY)
  get_filename_component(cuda_root ${cuda_root} DIRECTORY)
  find_path(DCMMM_NCCL_INCLUDE nccl.h HINTS ${cuda_root}/include ENV NCCL_ROOT PATH_SUFFIXES include)
  find_library(DCMMM_NCCL_LIBRARY NAMES nccl libnccl.so.2 HINTS ${cuda_root}/lib64 ${cuda_root}/lib ENV NCCL_ROOT
               PATH_SUFFIXES lib lib64)
  if(NOT DCMMM_NCCL_INCLUDE OR NOT DCMMM_NCCL_LIBRARY)
    list(APPEND missing "NCCL (nccl.h and libnccl.so; set NCCL_ROOT to its folder)")
  endif()
else()
  list(APPEND missing "the CUDA compiler nvcc (put it in PATH or set CUDACXX to it)")
endif()
if(missing)
  list(JOIN missing "; " missing)
  if(DCMMM_CUDA STREQUAL "ON")
    message(FATAL_ERROR "DCMMM_CUDA=ON, but these are missing: ${missing}. "
            "Install them, or build for the CPU with -DDCMMM_CUDA=OFF.")
  endif()
  message(STATUS "No CUDA target: missing ${missing}")
  return()
endif()

if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES "80;90")  # A100 and H100/H200
endif()
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # the one libcudart that LibTorch's CPU half needs, too
if(CCACHE)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 doesn't know that nvcc has C++20
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
endif()
# Not find_package(CUDAToolkit): CMake 3.25's stops where a library that CUDA 13 no longer has (nvToolsExt) is missing.
find_library(DCMMM_CUDART cudart HINTS ${cuda_root}/lib64 ${cuda_root}/lib REQUIRED)
add_library(dcmmm_cudart INTERFACE)
target_include_directories(dcmmm_cudart SYSTEM INTERFACE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
target_link_libraries(dcmmm_cudart INTERFACE ${DCMMM_CUDART})
message(STATUS "CUDA target: ${CMAKE_CUDA_COMPILER} ${CMAKE_CUDA_COMPILER_VERSION}, ${DCMMM_NCCL_LIBRARY}")

add_library(dcmmm_comm_nccl STATIC comm/nccl/nccl_communicator.cpp)
target_include_directories(dcmmm_comm_nccl SYSTEM PRIVATE ${DCMMM_NCCL_INCLUDE})
target_link_libraries(dcmmm_comm_nccl PUBLIC dcmmm_comm PRIVATE dcmmm_cudart ${DCMMM_NCCL_LIBRARY})

# Kernels see LibTorch nowhere; what starts them (trainer/cuda/*.cpp) does.
file(GLOB model_cuda_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/model/cuda/*.cu ${CMAKE_SOURCE_DIR}/model/cuda/*.cpp)
add_library(dcmmm_model_cuda STATIC ${model_cuda_sources})
target_include_directories(dcmmm_model_cuda PUBLIC ${CMAKE_BINARY_DIR}/rooms/model)
target_link_libraries(dcmmm_model_cuda PUBLIC dcmmm_cudart)
file(GLOB trainer_cuda_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/trainer/cuda/*.cu
     ${CMAKE_SOURCE_DIR}/trainer/cuda/*.cpp)
add_library(dcmmm_trainer_cuda STATIC ${trainer_cuda_sources})
target_link_libraries(dcmmm_trainer_cuda PUBLIC dcmmm_model_cuda dcmmm_trainer)
dcmmm_use_torch_header(dcmmm_trainer_cuda)
foreach(library dcmmm_model_cuda dcmmm_trainer_cuda)
  target_compile_options(${library} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr>)
endforeach()

# dcmmm_with_cuda(TARGET): links the GPU's half into an executable. The descent and NCCL make themselves known through
# static initialisers, which nothing refers to: their whole archives are linked.
function(dcmmm_with_cuda target)
  foreach(library dcmmm_comm_nccl dcmmm_trainer_cuda)
    target_link_libraries(${target} PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,${library}>)
  endforeach()
endfunction()

add_executable(dcmmm-cuda launch/main.cpp)
target_link_libraries(dcmmm-cuda PRIVATE dcmmm_launch CLI11::CLI11)
dcmmm_with_cuda(dcmmm-cuda)
install(TARGETS dcmmm-cuda RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# What bench/gpu.sh runs where there is a GPU: built everywhere, so that it can't rot.
if(DCMMM_TESTS)
  find_package(GTest REQUIRED)
  add_executable(device_descent_test tests/cuda/device_descent_test.cpp)
  target_link_libraries(device_descent_test PRIVATE dcmmm_trainer GTest::gtest_main)
  target_include_directories(device_descent_test PRIVATE ${CMAKE_SOURCE_DIR})
  dcmmm_use_torch_header(device_descent_test)
  dcmmm_with_cuda(device_descent_test)
endif()
