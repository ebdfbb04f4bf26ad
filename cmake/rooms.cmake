# dcmmm_room(NAME ROOMS ... LIBRARIES ... [TORCH]): the static library dcmmm_NAME of the folder NAME/.
# A room sees its own headers and those of the rooms it names, nothing else: each room's folder is linked into an include
# root of its own, so that an include against the direction of the arrows fails to build.
# TORCH: the room compiles with the project's one precompiled header.
function(dcmmm_room name)
  cmake_parse_arguments(ARG "TORCH" "" "ROOMS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.cpp ${CMAKE_SOURCE_DIR}/${name}/kernels/*.cpp)
  list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/launch/main.cpp ${CMAKE_SOURCE_DIR}/launch/logging.cpp)
  if(NOT sources)
    file(WRITE ${CMAKE_BINARY_DIR}/empty.cpp "")
    set(sources ${CMAKE_BINARY_DIR}/empty.cpp)
  endif()
  set(include_root ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${include_root})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${name} ${include_root}/${name} SYMBOLIC)
  add_library(dcmmm_${name} STATIC ${sources})
  # Kernels take plain pointers: no LibTorch, hence no precompiled header.
  file(GLOB kernels ${CMAKE_SOURCE_DIR}/${name}/kernels/*.cpp)
  set_source_files_properties(${kernels} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  target_include_directories(dcmmm_${name} PUBLIC ${include_root})
  foreach(room ${ARG_ROOMS})
    target_link_libraries(dcmmm_${name} PUBLIC dcmmm_${room})
  endforeach()
  target_link_libraries(dcmmm_${name} PRIVATE ${ARG_LIBRARIES})
  if(ARG_TORCH)
    dcmmm_use_torch_header(dcmmm_${name})
    target_link_libraries(dcmmm_${name} PUBLIC dcmmm::torch)
  endif()
endfunction()

file(WRITE ${CMAKE_BINARY_DIR}/torch_header.cpp "")
add_library(dcmmm_torch_header STATIC ${CMAKE_BINARY_DIR}/torch_header.cpp)
target_link_libraries(dcmmm_torch_header PRIVATE dcmmm::torch)
target_precompile_headers(dcmmm_torch_header PRIVATE ${CMAKE_SOURCE_DIR}/cmake/torch_header.hpp)
set_target_properties(dcmmm_torch_header PROPERTIES POSITION_INDEPENDENT_CODE OFF)
target_compile_options(dcmmm_torch_header PRIVATE -fPIC)

function(dcmmm_use_torch_header target)
  target_link_libraries(${target} PRIVATE dcmmm::torch)
  target_precompile_headers(${target} REUSE_FROM dcmmm_torch_header)
  # An executable would compile with -fPIE, and a header precompiled with -fPIC would be passed over in silence.
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fPIC>)
endfunction()
