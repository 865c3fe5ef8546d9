# cmake -D BUILD=... -D KIND=static|shared -D ROOT=... -D COMPILER=... -P consumer.cmake
# Installs the build into a fresh prefix, then configures, builds and runs tests/consumer on it; the
# first program of the README is built and run along.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(place ${BUILD}/consumer/${KIND})
file(REMOVE_RECURSE ${place})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${place}/prefix
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
foreach(stray tests examples bench cpu)
  if(EXISTS ${place}/prefix/include/weft/${stray})
    message(FATAL_ERROR "include/weft/${stray} was installed")
  endif()
endforeach()

file(READ ${ROOT}/README.md readme)
if(NOT readme MATCHES "```cpp\n([^`]*)```")
  message(FATAL_ERROR "README.md shows no program")
endif()
file(WRITE ${place}/readme.cpp "${CMAKE_MATCH_1}")

run(${CMAKE_COMMAND} -S ${ROOT}/tests/consumer -B ${place}/build -G Ninja
    -D CMAKE_BUILD_TYPE=Release -D CMAKE_PREFIX_PATH=${place}/prefix
    -D CMAKE_CXX_COMPILER=${COMPILER} -D WEFT_KIND=${KIND} -D README=${place}/readme.cpp)
run(${CMAKE_COMMAND} --build ${place}/build)
run(${place}/build/consumer)
run(${place}/build/readme)
