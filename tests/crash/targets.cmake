# The queue under SIGKILL; VALIJA_CRASH_ROUNDS sets how often (default 15).
add_executable(crash_queue crash/main.cpp crash/child.cpp crash/ledger.cpp)
target_link_libraries(crash_queue PRIVATE transport_queue platform_net)
target_include_directories(crash_queue PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
add_test(NAME crash_queue COMMAND crash_queue)
