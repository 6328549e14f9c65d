# Headers that nearly every source reads are compiled once for the sources and once for the tests. Sources still include
# what they use: -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON builds the same.
set(headgate_headers_seen
    <algorithm> <array> <atomic> <chrono> <cstdint> <functional> <map> <memory> <mutex> <optional> <span> <string>
    <string_view> <unordered_map> <utility> <variant> <vector>
    <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp> <boost/asio/post.hpp>
    <boost/asio/steady_timer.hpp> <boost/asio/use_awaitable.hpp>)

add_library(headgate_headers OBJECT ${CMAKE_SOURCE_DIR}/cmake/headers.cc)
target_precompile_headers(headgate_headers PRIVATE ${headgate_headers_seen})

if(HEADGATE_TESTS)
  add_library(headgate_test_headers OBJECT ${CMAKE_SOURCE_DIR}/cmake/headers.cc)
  target_link_libraries(headgate_test_headers PRIVATE GTest::gtest GTest::gmock)
  target_precompile_headers(headgate_test_headers PRIVATE ${headgate_headers_seen} <gtest/gtest.h> <gmock/gmock.h>)
endif()
