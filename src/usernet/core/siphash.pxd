cdef extern from *:
    """
    #include <string.h>

    typedef unsigned long long usernet_word;

    static inline usernet_word usernet_rotated(usernet_word word, int bits) {
        return (word << bits) | (word >> (64 - bits));
    }
    /* The octets in little-endian order, whichever the machine's is. */
    static inline usernet_word usernet_load(const unsigned char *p, Py_ssize_t n) {
        usernet_word word = 0;
        while (n-- > 0) word = (word << 8) | p[n];
        return word;
    }
    #define USERNET_ROUND \\
        v0 += v1; v1 = usernet_rotated(v1, 13) ^ v0; v0 = usernet_rotated(v0, 32); \\
        v2 += v3; v3 = usernet_rotated(v3, 16) ^ v2; \\
        v0 += v3; v3 = usernet_rotated(v3, 21) ^ v0; \\
        v2 += v1; v1 = usernet_rotated(v1, 17) ^ v2; v2 = usernet_rotated(v2, 32);

    static inline usernet_word usernet_siphash(usernet_word k0, usernet_word k1, PyObject *octets, Py_ssize_t n) {
        const unsigned char *p = (const unsigned char *)PyBytes_AS_STRING(octets);
        usernet_word v0 = k0 ^ 0x736F6D6570736575ULL, v1 = k1 ^ 0x646F72616E646F6DULL;
        usernet_word v2 = k0 ^ 0x6C7967656E657261ULL, v3 = k1 ^ 0x7465646279746573ULL;
        usernet_word word, size = (usernet_word)n << 56;
        int last = 0;
        while (!last) {
            last = n < 8;
            word = last ? size | usernet_load(p, n) : usernet_load(p, 8);
            v3 ^= word;
            USERNET_ROUND USERNET_ROUND
            v0 ^= word;
            p += 8;
            n -= 8;
        }
        v2 ^= 0xFF;
        USERNET_ROUND USERNET_ROUND USERNET_ROUND USERNET_ROUND
        return v0 ^ v1 ^ v2 ^ v3;
    }
    """
    unsigned long long mixed "usernet_siphash"(unsigned long long k0, unsigned long long k1, bytes octets, Py_ssize_t n) noexcept

cdef bint COMPILED

cpdef unsigned long long siphash(unsigned long long k0, unsigned long long k1, bytes octets, Py_ssize_t n=*) except? 0
cdef unsigned long long _interpreted(unsigned long long k0, unsigned long long k1, bytes octets, Py_ssize_t n) except? 0
