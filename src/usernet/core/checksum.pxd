cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    static inline unsigned int usernet_sum64(const unsigned char *p, Py_ssize_t start, Py_ssize_t end) {
        /* Two accumulators of 32-bit halves: no carry to lose below 2**32 words. */
        uint64_t low = 0, high = 0, word;
        uint32_t half = 0;
        uint16_t pair;
        Py_ssize_t n = end - start;
        p += start;
        while (n >= 8) {
            memcpy(&word, p, 8);
            low += word & 0xffffffffu;
            high += word >> 32;
            p += 8; n -= 8;
        }
        if (n >= 4) { memcpy(&half, p, 4); low += half; p += 4; n -= 4; }
        if (n >= 2) { memcpy(&pair, p, 2); low += pair; p += 2; n -= 2; }
        if (n > 0) { unsigned char last[2] = {*p, 0}; memcpy(&pair, last, 2); low += pair; }
        low += high;
        low = (low & 0xffffffffu) + (low >> 32);
        low = (low & 0xffffu) + ((low >> 16) & 0xffffu) + (low >> 32);
        low = (low & 0xffffu) + (low >> 16);
        low = (low & 0xffffu) + (low >> 16);
        #if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        return (unsigned int)(((low & 0xff) << 8) | (low >> 8));
        #else
        return (unsigned int)low;
        #endif
    }
    """
    unsigned int sum64 "usernet_sum64"(const unsigned char *p, Py_ssize_t start, Py_ssize_t end) noexcept

cdef bint COMPILED

cpdef unsigned int sum16(object buf, Py_ssize_t start, Py_ssize_t end, unsigned int acc) except? 0xFFFFFFFF
cpdef unsigned int checksum(object buf, Py_ssize_t start, Py_ssize_t end, unsigned int acc) except? 0xFFFFFFFF
cpdef unsigned int swap(unsigned int acc) noexcept
cpdef unsigned int pseudo_sum(object buf, Py_ssize_t addr_off, Py_ssize_t addr_len, unsigned int protocol, unsigned int length) except? 0xFFFFFFFF
cpdef unsigned int checksum_adjust(unsigned int check, unsigned int old, unsigned int new) noexcept
