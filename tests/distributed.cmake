# tests/distributed/*_test.cpp: each one an executable of GoogleTest with MPI, run under mpirun with 1, 2 and 3 ranks.
# A file named *_torch_test.cpp compiles with the project's precompiled LibTorch header.
find_program(DCMMM_MPIRUN NAMES mpirun REQUIRED)
set(mpi_environment OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1)

add_library(dcmmm_distributed_main STATIC distributed/main.cpp)
target_include_directories(dcmmm_distributed_main PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(dcmmm_distributed_main PUBLIC dcmmm_comm GTest::gmock GTest::gtest)

# mpirun ends a hanging job itself, 20 s before ctest would: ctest's way leaves ranks behind.
math(EXPR distributed_seconds "180 * ${DCMMM_PATIENCE}")
math(EXPR mpirun_seconds "160 * ${DCMMM_PATIENCE}")
function(dcmmm_distributed_test name)
  foreach(ranks 1 2 3)
    set(test distributed_${name}_${ranks})
    add_test(NAME ${test} COMMAND ${DCMMM_MPIRUN} -n ${ranks} --oversubscribe --bind-to none --timeout ${mpirun_seconds}
             $<TARGET_FILE:distributed_${name}>)
    set_tests_properties(${test} PROPERTIES LABELS distributed TIMEOUT ${distributed_seconds} PROCESSORS ${ranks}
                         ENVIRONMENT "${mpi_environment}")
  endforeach()
endfunction()

file(GLOB distributed_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/distributed/*_test.cpp)
foreach(source ${distributed_sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(distributed_${name} ${source})
  target_link_libraries(distributed_${name} PRIVATE dcmmm_distributed_main dcmmm_launch MPI::MPI_C)
  target_compile_definitions(distributed_${name} PRIVATE ${DCMMM_TEST_DEFINITIONS})
  if(name MATCHES "_torch_test$")
    dcmmm_use_torch_header(distributed_${name})
  endif()
  dcmmm_distributed_test(${name})
endforeach()

# Errors end a job of several ranks with one message: seen from outside, so by a script.
add_executable(end_with_error distributed/end_with_error_main.cpp)
target_link_libraries(end_with_error PRIVATE dcmmm_comm)
add_test(NAME distributed_end_with_error
         COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/distributed/end_with_error.sh $<TARGET_FILE:end_with_error>)
set_tests_properties(distributed_end_with_error PROPERTIES LABELS distributed TIMEOUT 180 PROCESSORS 3
                     ENVIRONMENT "${mpi_environment}")

# One message names the rank that doesn't come.
add_executable(late_rank distributed/late_rank_main.cpp)
target_link_libraries(late_rank PRIVATE dcmmm_comm)
add_test(NAME distributed_late_rank
         COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/distributed/late_rank.sh $<TARGET_FILE:late_rank>)
set_tests_properties(distributed_late_rank PROPERTIES LABELS distributed TIMEOUT 180 PROCESSORS 3
                     ENVIRONMENT "${mpi_environment}")

# A failure on one rank only, which the others wait for, must fail the job.
add_executable(distributed_failing distributed/failing_main.cpp)
target_link_libraries(distributed_failing PRIVATE dcmmm_distributed_main)
add_test(NAME distributed_failure_on_one_rank
         COMMAND ${DCMMM_MPIRUN} -n 3 --oversubscribe --bind-to none $<TARGET_FILE:distributed_failing>)
set_tests_properties(distributed_failure_on_one_rank PROPERTIES LABELS distributed TIMEOUT 30 PROCESSORS 3
                     PASS_REGULAR_EXPRESSION "rank 2: .*AFailureOnOneRankEndsTheJob failed, which ends the job"
                     ENVIRONMENT "${mpi_environment}")
