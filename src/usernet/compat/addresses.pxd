from ..sockets.address cimport ipv4_number

cdef int AF_INET

cpdef tuple parse_address(int family, object address, str function)
