cdef int AF_INET, AF_INET6

cpdef bytes host_octets(int family, str host)
cpdef long long ipv4_number(str text) except? -1
cpdef str host_text(bytes octets)
cpdef tuple make_address(int family, bytes octets, unsigned int port)
