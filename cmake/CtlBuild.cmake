# What every target of the tree is built with, and the verbs the rooms use.

find_package(PkgConfig REQUIRED)

function(ctl_pkg prefix module)
  pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET GLOBAL ${module})
endfunction()

add_library(ctl_flags INTERFACE)
target_compile_features(ctl_flags INTERFACE c_std_17)
target_include_directories(ctl_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(ctl_flags INTERFACE
  _GNU_SOURCE CTL_VERSION="${PROJECT_VERSION}" OPENSSL_NO_DEPRECATED)
target_compile_options(ctl_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wvla
  -Wmissing-prototypes -Wformat=2 -Wundef -Wwrite-strings -Wimplicit-fallthrough
  -Werror
  -fstack-protector-strong -fstack-clash-protection -fcf-protection
  -fno-strict-aliasing -fPIE)
target_link_options(ctl_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)

if(CTL_FUZZ)
  set(CTL_SANITIZE ON)
  target_compile_options(ctl_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(CTL_SANITIZE)
  target_compile_options(ctl_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # The runtime within the program: the tests start thousands of them, and each starts faster.
  target_link_options(ctl_flags INTERFACE -fsanitize=address,undefined
    $<$<C_COMPILER_ID:GNU>:-static-libasan -static-libubsan>)
else()
  # _FORTIFY_SOURCE hides errors from ASan, and needs an optimising build.
  target_compile_options(ctl_flags INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
endif()

# ctl_library(NAME SOURCES a.c ... LIBS x ...)
function(ctl_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ctl_flags ${arg_LIBS})
endfunction()

# ctl_program(NAME [COMMAND] SOURCES a.c ... LIBS x ...): built into bin/, installed. COMMAND: it is
# run by people and ends by itself, and is no service.
function(ctl_program name)
  cmake_parse_arguments(arg "COMMAND" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  if(CTL_SANITIZE AND arg_COMMAND)
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/softhsm-tests/sanitize/tool.c)
  endif()
  target_link_libraries(${name} PRIVATE ctl_flags ${arg_LIBS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# ctl_unit_test(NAME SOURCES a_test.c LIBS x ...): a cmocka program, run by ctest.
function(ctl_unit_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  if(NOT BUILD_TESTING)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ctl_flags ${arg_LIBS} PkgConfig::CMOCKA)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120
    ENVIRONMENT "CTL_SOURCE_DIR=${CMAKE_SOURCE_DIR};CTL_BIN=${CMAKE_BINARY_DIR}/bin;CTL_SHIM=${CMAKE_BINARY_DIR}/test/libctlshim.so")
endfunction()

# ctl_script_test(NAME): softhsm-tests/NAME.sh, run by ctest against the built programs.
function(ctl_script_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "" ${ARGN})
  if(NOT BUILD_TESTING)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 180)
  endif()
  add_test(NAME ${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/${name}.sh)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "CTL_SOURCE_DIR=${CMAKE_SOURCE_DIR};CTL_BIN=${CMAKE_BINARY_DIR}/bin;CTL_TEST_BIN=${CMAKE_BINARY_DIR}/test")
endfunction()

# ctl_fuzzer(NAME SOURCES a_fuzz.c LIBS x ...): a libFuzzer program in fuzz/, with -DCTL_FUZZ=ON.
# Everything else is then built for it as well, with the sanitizers. Run it on a copy of its
# corpus, as it adds to the first folder it is given.
function(ctl_fuzzer name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  if(NOT CTL_FUZZ)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ctl_flags ${arg_LIBS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
