cdef int AF_INET, AF_INET6

cpdef bytes host_octets(int family, str host)
cpdef str host_text(bytes octets)
cpdef tuple make_address(int family, bytes octets, unsigned int port)
