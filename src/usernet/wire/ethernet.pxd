cdef Py_ssize_t ETH_HLEN

cpdef int parse_ethernet(object buf, Py_ssize_t at, Py_ssize_t end) except? -2
