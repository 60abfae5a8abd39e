from .tcb cimport Engine

cdef unsigned int MASK32
cdef long long TICK_NS

cpdef unsigned int initial_sequence(Engine engine, bytes key, long long now) except? 0xFFFFFFFF
cpdef unsigned int timestamp_offset(Engine engine, bytes key) except? 0xFFFFFFFF
