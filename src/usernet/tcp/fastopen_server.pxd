from ..core.packet cimport Packet
from ..core.seq cimport seq_add
from ..wire.tcp cimport Segment
from .establish cimport begin_sending
from .fastopen cimport FastOpen, FastOpenKeys
from .listen cimport Acceptor, Listener
from .receive cimport take_text
from .request cimport Request
from .rtx_timer cimport arm_rtx
from .settings cimport Settings
from .transmit cimport send_syn
from .user_calls cimport Connection
from .window cimport begin

cdef unsigned int POLLIN, ACK, SYN
cdef int RTX_RETRANSMIT, TFO_SERVER, TFO_SERVER_NO_COOKIE

cpdef bint try_fast_open(Request request, Packet packet, Segment seg, long long now) except *
cdef void _open(Request request, Packet packet, Segment seg, long long now) except *
