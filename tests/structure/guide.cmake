# cmake -D BUILD=... -D ROOT=... -D COMPILER=... -P guide.cmake
# Builds the programs of docs/guide on an installed Weft, and compares what each prints with what
# its page shows.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(place ${BUILD}/guide)
file(REMOVE_RECURSE ${place})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${place}/prefix
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
run(${CMAKE_COMMAND} -S ${ROOT}/docs/guide -B ${place}/build -G Ninja -D CMAKE_CXX_FLAGS=-O0
    -D CMAKE_PREFIX_PATH=${place}/prefix/ -D CMAKE_CXX_COMPILER=${COMPILER})
run(${CMAKE_COMMAND} --build ${place}/build --parallel 2)

file(GLOB programs ${ROOT}/docs/guide/*.cpp)
list(LENGTH programs count)
if(count LESS 8)
  message(FATAL_ERROR "${count} programs in docs/guide")
endif()
foreach(program IN LISTS programs)
  cmake_path(GET program STEM name)
  execute_process(COMMAND ${place}/build/${name} WORKING_DIRECTORY ${place}
                  OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${ROOT}/docs/guide/${name}.txt shown)
  if(NOT printed STREQUAL shown)
    message(FATAL_ERROR "${name} prints\n${printed}\nwhere docs/guide/${name}.txt has\n${shown}")
  endif()
  message(STATUS "${name} prints what its page shows")
endforeach()
