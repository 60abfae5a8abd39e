from ..core.packet cimport Packet
from ..wire.tcp cimport Segment
from .auth cimport Auth
from .isn cimport initial_sequence
from .listen cimport Acceptor, Listener, path_back
from .request cimport Request

cdef unsigned int FIN
cdef long long RTO_INITIAL

cpdef void syn_arrives(Listener listener, bytes key, Packet packet, Segment seg, long long iss, long long now) except *
