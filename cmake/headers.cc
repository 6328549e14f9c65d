// What precompiled headers belong to; see headers.cmake.
