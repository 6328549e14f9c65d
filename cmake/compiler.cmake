# Compiler cache, linker, warnings and sanitizers: the same for every target of the project.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Relative paths let several checkouts share one cache; the sloppiness is what precompiled headers need.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
               CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

find_program(LLD_PROGRAM ld.lld-19)
if(LLD_PROGRAM AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=${LLD_PROGRAM})
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)
if(HEADGATE_WERROR)
  add_compile_options(-Werror)
endif()

add_compile_options($<$<CONFIG:Debug>:-O0> $<$<CONFIG:Debug>:-g1>
                    $<$<CONFIG:Debug>:-fno-omit-frame-pointer>)
add_compile_definitions($<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
add_compile_options($<$<CONFIG:Release>:-O2> $<$<CONFIG:Release>:-g1> -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND LLD_PROGRAM)
  # The request path crosses many folders; link-time inlining across them saves a tenth of it.
  add_compile_options($<$<CONFIG:Release>:-flto=thin>)
  add_link_options($<$<CONFIG:Release>:-flto=thin>
                   $<$<CONFIG:Release>:-Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto-cache>)
endif()
# One flag for sources and tests alike, so that they can share precompiled headers.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fPIE>)
add_link_options(-pie -Wl,-z,relro,-z,now)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")  # the same file, the same cache key
endif()

if(HEADGATE_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()

# Asio is compiled once, in base/asio_impl.cc. No symbol of the deprecated API.
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
                        BOOST_ASIO_DISABLE_BOOST_ARRAY BOOST_ALL_NO_LIB)
