# headgate_optimise(<target>): also where sanitizers are on, for code whose tests would take minutes without.
function(headgate_optimise target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Debug>:-O1>)
  set_target_properties(${target} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)
endfunction()

# headgate_module(<name> [DEPS ...] [TEST_DEPS ...] [NO_TESTS])
#
# One folder of src/ is one static library `headgate_<name>` (slashes become underscores) made of
# every *.cc in it, and one test binary `<name>_test` made of every *_test.cc beside them.
function(headgate_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;TEST_DEPS" ${ARGN})
  string(REPLACE "/" "_" target ${name})
  set(folder ${CMAKE_SOURCE_DIR}/src/${name})

  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  if(sources)
    add_library(headgate_${target} STATIC ${sources})
    target_include_directories(headgate_${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(headgate_${target} PUBLIC ${ARG_DEPS})
    target_precompile_headers(headgate_${target} REUSE_FROM headgate_headers)
  else()
    add_library(headgate_${target} INTERFACE)
    target_include_directories(headgate_${target} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(headgate_${target} INTERFACE ${ARG_DEPS})
  endif()

  if(HEADGATE_TESTS AND tests)
    add_executable(${target}_test ${tests})
    target_link_libraries(${target}_test PRIVATE headgate_${target} ${ARG_TEST_DEPS}
                          GTest::gtest GTest::gmock GTest::gtest_main)
    target_precompile_headers(${target}_test REUSE_FROM headgate_test_headers)
    gtest_discover_tests(${target}_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                         PROPERTIES TIMEOUT 120)
  endif()
endfunction()
