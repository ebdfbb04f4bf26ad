# Faults on purpose: system calls that fail and a hook (faults/injector.hpp), linked into test binaries only.
add_library(dcmmm_injector OBJECT faults/injector.cpp)
target_include_directories(dcmmm_injector PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(dcmmm_injector PUBLIC MPI::MPI_C)

# The program itself, object for object, with faults.
add_executable(dcmmm-faults $<TARGET_OBJECTS:dcmmm>)
target_link_libraries(dcmmm-faults PRIVATE dcmmm_injector dcmmm_launch CLI11::CLI11)
set_target_properties(dcmmm-faults PROPERTIES ENABLE_EXPORTS ON)

file(GLOB fault_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/faults/*_test.cpp)
add_executable(faults_test ${fault_sources})
target_link_libraries(faults_test PRIVATE dcmmm_injector dcmmm_checkpoints GTest::gmock GTest::gtest_main)
set_target_properties(faults_test PROPERTIES ENABLE_EXPORTS ON)
gtest_discover_tests(faults_test DISCOVERY_MODE PRE_TEST PROPERTIES LABELS fast TIMEOUT ${DCMMM_FAST_SECONDS}
                      ENVIRONMENT TMPDIR=/dev/shm)  # a thousand syncs

# Random faults in whole runs, the same ones every time; launch/test_deep.sh draws others, and more. Half of the
# time it waits, so others may run beside it.
add_test(NAME faults_in_runs
         COMMAND ${DCMMM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/faults/campaign.py --faults 40 --seed 1)
math(EXPR faults_seconds "600 * ${DCMMM_PATIENCE}")
set_tests_properties(faults_in_runs PROPERTIES LABELS "cli" TIMEOUT ${faults_seconds}
                     ENVIRONMENT "DCMMM_BINARY=$<TARGET_FILE:dcmmm>;DCMMM_FAULTS_BINARY=$<TARGET_FILE:dcmmm-faults>;DCMMM_MPIRUN=${DCMMM_MPIRUN};OMP_WAIT_POLICY=passive;PYTHONDONTWRITEBYTECODE=1;${mpi_environment}")
add_test(NAME faults_in_parallel_writes
         COMMAND ${DCMMM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/faults/parallel_write_test.py)
set_tests_properties(faults_in_parallel_writes PROPERTIES LABELS "cli" TIMEOUT 300 PROCESSORS 2
                     ENVIRONMENT "DCMMM_BINARY=$<TARGET_FILE:dcmmm>;DCMMM_FAULTS_BINARY=$<TARGET_FILE:dcmmm-faults>;DCMMM_MPIRUN=${DCMMM_MPIRUN};OMP_WAIT_POLICY=passive;PYTHONDONTWRITEBYTECODE=1;${mpi_environment}")
