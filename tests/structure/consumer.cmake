# cmake -D BUILD=... -D KIND=static|shared -D SOURCE=... -D COMPILER=... -P consumer.cmake
# Installs the build into a fresh prefix, then configures, builds and runs tests/consumer on it.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(place ${BUILD}/consumer/${KIND})
file(REMOVE_RECURSE ${place})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${place}/prefix)
foreach(stray tests examples bench cpu)
  if(EXISTS ${place}/prefix/include/weft/${stray})
    message(FATAL_ERROR "include/weft/${stray} was installed")
  endif()
endforeach()
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${place}/build -G Ninja -D CMAKE_BUILD_TYPE=Release
    -D CMAKE_PREFIX_PATH=${place}/prefix -D CMAKE_CXX_COMPILER=${COMPILER} -D WEFT_KIND=${KIND})
run(${CMAKE_COMMAND} --build ${place}/build)
run(${place}/build/consumer)
