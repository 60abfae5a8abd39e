cdef unsigned int MASK32

cpdef bint seq_lt(unsigned int a, unsigned int b) noexcept
cpdef bint seq_le(unsigned int a, unsigned int b) noexcept
cpdef unsigned int seq_add(unsigned int a, unsigned int n) noexcept
cpdef bint seq_in(unsigned int x, unsigned int start, unsigned int end) noexcept
