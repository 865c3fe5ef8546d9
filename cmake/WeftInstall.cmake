# cmake --install: headers, both libraries, and the package that find_package(weft) reads.
