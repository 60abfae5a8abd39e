"""Counters: the names of Linux's MIBs, and the named reasons for which something was dropped.

A counter is a C field of its group, so counting costs one instruction: ``counters.tcp.InSegs += 1``.
"""

from __future__ import annotations

from collections.abc import Iterator


class IpMib:
    """RFC 4293's IP group, as /proc/net/snmp prints it."""

    __slots__ = (
        "InReceives",
        "InHdrErrors",
        "InAddrErrors",
        "ForwDatagrams",
        "InUnknownProtos",
        "InDiscards",
        "InDelivers",
        "OutRequests",
        "OutDiscards",
        "OutNoRoutes",
        "ReasmTimeout",
        "ReasmReqds",
        "ReasmOKs",
        "ReasmFails",
        "FragOKs",
        "FragFails",
        "FragCreates",
        "OutTransmits",
    )

    def __init__(self) -> None:
        self.InReceives = self.InHdrErrors = self.InAddrErrors = self.ForwDatagrams = 0
        self.InUnknownProtos = self.InDiscards = self.InDelivers = self.OutRequests = 0
        self.OutDiscards = self.OutNoRoutes = self.ReasmTimeout = self.ReasmReqds = 0
        self.ReasmOKs = self.ReasmFails = self.FragOKs = self.FragFails = 0
        self.FragCreates = self.OutTransmits = 0


class IcmpMib:
    """RFC 4293's ICMP group."""

    __slots__ = (
        "InMsgs",
        "InErrors",
        "InCsumErrors",
        "InDestUnreachs",
        "InTimeExcds",
        "InParmProbs",
        "InSrcQuenchs",
        "InRedirects",
        "InEchos",
        "InEchoReps",
        "InTimestamps",
        "InTimestampReps",
        "InAddrMasks",
        "InAddrMaskReps",
        "OutMsgs",
        "OutErrors",
        "OutRateLimitGlobal",
        "OutRateLimitHost",
        "OutDestUnreachs",
        "OutTimeExcds",
        "OutParmProbs",
        "OutSrcQuenchs",
        "OutRedirects",
        "OutEchos",
        "OutEchoReps",
        "OutTimestamps",
        "OutTimestampReps",
        "OutAddrMasks",
        "OutAddrMaskReps",
    )

    def __init__(self) -> None:
        self.InMsgs = self.InErrors = self.InCsumErrors = self.InDestUnreachs = 0
        self.InTimeExcds = self.InParmProbs = self.InSrcQuenchs = self.InRedirects = 0
        self.InEchos = self.InEchoReps = self.InTimestamps = self.InTimestampReps = 0
        self.InAddrMasks = self.InAddrMaskReps = self.OutMsgs = self.OutErrors = 0
        self.OutRateLimitGlobal = self.OutRateLimitHost = self.OutDestUnreachs = self.OutTimeExcds = 0
        self.OutParmProbs = self.OutSrcQuenchs = self.OutRedirects = self.OutEchos = 0
        self.OutEchoReps = self.OutTimestamps = self.OutTimestampReps = self.OutAddrMasks = 0
        self.OutAddrMaskReps = 0


class TcpMib:
    """RFC 4022's TCP group; CurrEstab is a gauge."""

    __slots__ = (
        "ActiveOpens",
        "PassiveOpens",
        "AttemptFails",
        "EstabResets",
        "CurrEstab",
        "InSegs",
        "OutSegs",
        "RetransSegs",
        "InErrs",
        "OutRsts",
        "InCsumErrors",
    )

    def __init__(self) -> None:
        self.ActiveOpens = self.PassiveOpens = self.AttemptFails = self.EstabResets = 0
        self.CurrEstab = self.InSegs = self.OutSegs = self.RetransSegs = 0
        self.InErrs = self.OutRsts = self.InCsumErrors = 0


class UdpMib:
    """RFC 4113's UDP group."""

    __slots__ = (
        "InDatagrams",
        "NoPorts",
        "InErrors",
        "OutDatagrams",
        "RcvbufErrors",
        "SndbufErrors",
        "InCsumErrors",
        "IgnoredMulti",
        "MemErrors",
    )

    def __init__(self) -> None:
        self.InDatagrams = self.NoPorts = self.InErrors = self.OutDatagrams = 0
        self.RcvbufErrors = self.SndbufErrors = self.InCsumErrors = self.IgnoredMulti = 0
        self.MemErrors = 0


class TcpExtMib:
    """Linux's TcpExt group, as /proc/net/netstat prints it."""

    __slots__ = (
        "SyncookiesSent",
        "SyncookiesRecv",
        "SyncookiesFailed",
        "EmbryonicRsts",
        "PruneCalled",
        "RcvPruned",
        "OfoPruned",
        "OutOfWindowIcmps",
        "LockDroppedIcmps",
        "ArpFilter",
        "TW",
        "TWRecycled",
        "TWKilled",
        "PAWSActive",
        "PAWSEstab",
        "BeyondWindow",
        "TSEcrRejected",
        "PAWSOldAck",
        "PAWSTimewait",
        "DelayedACKs",
        "DelayedACKLocked",
        "DelayedACKLost",
        "ListenOverflows",
        "ListenDrops",
        "TCPHPHits",
        "TCPPureAcks",
        "TCPHPAcks",
        "TCPRenoRecovery",
        "TCPSackRecovery",
        "TCPSACKReneging",
        "TCPSACKReorder",
        "TCPRenoReorder",
        "TCPTSReorder",
        "TCPFullUndo",
        "TCPPartialUndo",
        "TCPDSACKUndo",
        "TCPLossUndo",
        "TCPLostRetransmit",
        "TCPRenoFailures",
        "TCPSackFailures",
        "TCPLossFailures",
        "TCPFastRetrans",
        "TCPSlowStartRetrans",
        "TCPTimeouts",
        "TCPLossProbes",
        "TCPLossProbeRecovery",
        "TCPRenoRecoveryFail",
        "TCPSackRecoveryFail",
        "TCPRcvCollapsed",
        "TCPBacklogCoalesce",
        "TCPDSACKOldSent",
        "TCPDSACKOfoSent",
        "TCPDSACKRecv",
        "TCPDSACKOfoRecv",
        "TCPAbortOnData",
        "TCPAbortOnClose",
        "TCPAbortOnMemory",
        "TCPAbortOnTimeout",
        "TCPAbortOnLinger",
        "TCPAbortFailed",
        "TCPMemoryPressures",
        "TCPMemoryPressuresChrono",
        "TCPSACKDiscard",
        "TCPDSACKIgnoredOld",
        "TCPDSACKIgnoredNoUndo",
        "TCPSpuriousRTOs",
        "TCPMD5NotFound",
        "TCPMD5Unexpected",
        "TCPMD5Failure",
        "TCPSackShifted",
        "TCPSackMerged",
        "TCPSackShiftFallback",
        "TCPBacklogDrop",
        "PFMemallocDrop",
        "TCPMinTTLDrop",
        "TCPDeferAcceptDrop",
        "IPReversePathFilter",
        "TCPTimeWaitOverflow",
        "TCPReqQFullDoCookies",
        "TCPReqQFullDrop",
        "TCPRetransFail",
        "TCPRcvCoalesce",
        "TCPOFOQueue",
        "TCPOFODrop",
        "TCPOFOMerge",
        "TCPChallengeACK",
        "TCPSYNChallenge",
        "TCPFastOpenActive",
        "TCPFastOpenActiveFail",
        "TCPFastOpenPassive",
        "TCPFastOpenPassiveFail",
        "TCPFastOpenListenOverflow",
        "TCPFastOpenCookieReqd",
        "TCPFastOpenBlackhole",
        "TCPSpuriousRtxHostQueues",
        "BusyPollRxPackets",
        "TCPAutoCorking",
        "TCPFromZeroWindowAdv",
        "TCPToZeroWindowAdv",
        "TCPWantZeroWindowAdv",
        "TCPSynRetrans",
        "TCPOrigDataSent",
        "TCPHystartTrainDetect",
        "TCPHystartTrainCwnd",
        "TCPHystartDelayDetect",
        "TCPHystartDelayCwnd",
        "TCPACKSkippedSynRecv",
        "TCPACKSkippedPAWS",
        "TCPACKSkippedSeq",
        "TCPACKSkippedFinWait2",
        "TCPACKSkippedTimeWait",
        "TCPACKSkippedChallenge",
        "TCPWinProbe",
        "TCPKeepAlive",
        "TCPMTUPFail",
        "TCPMTUPSuccess",
        "TCPDelivered",
        "TCPDeliveredCE",
        "TCPAckCompressed",
        "TCPZeroWindowDrop",
        "TCPRcvQDrop",
        "TCPWqueueTooBig",
        "TCPFastOpenPassiveAltKey",
        "TcpTimeoutRehash",
        "TcpDuplicateDataRehash",
        "TCPDSACKRecvSegs",
        "TCPDSACKIgnoredDubious",
        "TCPMigrateReqSuccess",
        "TCPMigrateReqFailure",
        "TCPPLBRehash",
        "TCPAORequired",
        "TCPAOBad",
        "TCPAOKeyNotFound",
        "TCPAOGood",
        "TCPAODroppedIcmps",
    )

    def __init__(self) -> None:
        self.SyncookiesSent = self.SyncookiesRecv = self.SyncookiesFailed = self.EmbryonicRsts = 0
        self.PruneCalled = self.RcvPruned = self.OfoPruned = self.OutOfWindowIcmps = 0
        self.LockDroppedIcmps = self.ArpFilter = self.TW = self.TWRecycled = 0
        self.TWKilled = self.PAWSActive = self.PAWSEstab = self.BeyondWindow = 0
        self.TSEcrRejected = self.PAWSOldAck = self.PAWSTimewait = self.DelayedACKs = 0
        self.DelayedACKLocked = self.DelayedACKLost = self.ListenOverflows = self.ListenDrops = 0
        self.TCPHPHits = self.TCPPureAcks = self.TCPHPAcks = self.TCPRenoRecovery = 0
        self.TCPSackRecovery = self.TCPSACKReneging = self.TCPSACKReorder = self.TCPRenoReorder = 0
        self.TCPTSReorder = self.TCPFullUndo = self.TCPPartialUndo = self.TCPDSACKUndo = 0
        self.TCPLossUndo = self.TCPLostRetransmit = self.TCPRenoFailures = self.TCPSackFailures = 0
        self.TCPLossFailures = self.TCPFastRetrans = self.TCPSlowStartRetrans = self.TCPTimeouts = 0
        self.TCPLossProbes = self.TCPLossProbeRecovery = self.TCPRenoRecoveryFail = self.TCPSackRecoveryFail = 0
        self.TCPRcvCollapsed = self.TCPBacklogCoalesce = self.TCPDSACKOldSent = self.TCPDSACKOfoSent = 0
        self.TCPDSACKRecv = self.TCPDSACKOfoRecv = self.TCPAbortOnData = self.TCPAbortOnClose = 0
        self.TCPAbortOnMemory = self.TCPAbortOnTimeout = self.TCPAbortOnLinger = self.TCPAbortFailed = 0
        self.TCPMemoryPressures = self.TCPMemoryPressuresChrono = self.TCPSACKDiscard = self.TCPDSACKIgnoredOld = 0
        self.TCPDSACKIgnoredNoUndo = self.TCPSpuriousRTOs = self.TCPMD5NotFound = self.TCPMD5Unexpected = 0
        self.TCPMD5Failure = self.TCPSackShifted = self.TCPSackMerged = self.TCPSackShiftFallback = 0
        self.TCPBacklogDrop = self.PFMemallocDrop = self.TCPMinTTLDrop = self.TCPDeferAcceptDrop = 0
        self.IPReversePathFilter = self.TCPTimeWaitOverflow = self.TCPReqQFullDoCookies = self.TCPReqQFullDrop = 0
        self.TCPRetransFail = self.TCPRcvCoalesce = self.TCPOFOQueue = self.TCPOFODrop = 0
        self.TCPOFOMerge = self.TCPChallengeACK = self.TCPSYNChallenge = self.TCPFastOpenActive = 0
        self.TCPFastOpenActiveFail = self.TCPFastOpenPassive = 0
        self.TCPFastOpenPassiveFail = self.TCPFastOpenListenOverflow = 0
        self.TCPFastOpenCookieReqd = self.TCPFastOpenBlackhole = 0
        self.TCPSpuriousRtxHostQueues = self.BusyPollRxPackets = 0
        self.TCPAutoCorking = self.TCPFromZeroWindowAdv = self.TCPToZeroWindowAdv = self.TCPWantZeroWindowAdv = 0
        self.TCPSynRetrans = self.TCPOrigDataSent = self.TCPHystartTrainDetect = self.TCPHystartTrainCwnd = 0
        self.TCPHystartDelayDetect = self.TCPHystartDelayCwnd = self.TCPACKSkippedSynRecv = self.TCPACKSkippedPAWS = 0
        self.TCPACKSkippedSeq = self.TCPACKSkippedFinWait2 = 0
        self.TCPACKSkippedTimeWait = self.TCPACKSkippedChallenge = 0
        self.TCPWinProbe = self.TCPKeepAlive = self.TCPMTUPFail = self.TCPMTUPSuccess = 0
        self.TCPDelivered = self.TCPDeliveredCE = self.TCPAckCompressed = self.TCPZeroWindowDrop = 0
        self.TCPRcvQDrop = self.TCPWqueueTooBig = self.TCPFastOpenPassiveAltKey = self.TcpTimeoutRehash = 0
        self.TcpDuplicateDataRehash = self.TCPDSACKRecvSegs = 0
        self.TCPDSACKIgnoredDubious = self.TCPMigrateReqSuccess = 0
        self.TCPMigrateReqFailure = self.TCPPLBRehash = self.TCPAORequired = self.TCPAOBad = 0
        self.TCPAOKeyNotFound = self.TCPAOGood = self.TCPAODroppedIcmps = 0


class IpExtMib:
    """Linux's IpExt group."""

    __slots__ = (
        "InNoRoutes",
        "InTruncatedPkts",
        "InMcastPkts",
        "OutMcastPkts",
        "InBcastPkts",
        "OutBcastPkts",
        "InOctets",
        "OutOctets",
        "InMcastOctets",
        "OutMcastOctets",
        "InBcastOctets",
        "OutBcastOctets",
        "InCsumErrors",
        "InNoECTPkts",
        "InECT1Pkts",
        "InECT0Pkts",
        "InCEPkts",
        "ReasmOverlaps",
    )

    def __init__(self) -> None:
        self.InNoRoutes = self.InTruncatedPkts = self.InMcastPkts = self.OutMcastPkts = 0
        self.InBcastPkts = self.OutBcastPkts = self.InOctets = self.OutOctets = 0
        self.InMcastOctets = self.OutMcastOctets = self.InBcastOctets = self.OutBcastOctets = 0
        self.InCsumErrors = self.InNoECTPkts = self.InECT1Pkts = self.InECT0Pkts = 0
        self.InCEPkts = self.ReasmOverlaps = 0


class Counters:
    """All groups of one stack, and its drop reasons."""

    __slots__ = ("drops", "icmp", "ip", "ip_ext", "tcp", "tcp_ext", "udp")

    def __init__(self) -> None:
        self.ip = IpMib()
        self.icmp = IcmpMib()
        self.tcp = TcpMib()
        self.udp = UdpMib()
        self.tcp_ext = TcpExtMib()
        self.ip_ext = IpExtMib()
        self.drops: dict[str, int] = {}

    def drop(self, reason: str) -> None:
        """Count one thing dropped for a reason named ``layer_what``, such as ``ip_bad_checksum``.

        Reasons are string constants of the code, never made from input, so the table is bounded.
        """
        self.drops[reason] = self.drops.get(reason, 0) + 1

    def items(self) -> Iterator[tuple[str, int]]:
        """Every counter as (``GroupName``, value), in nstat's order, then drops as ``Drop.reason``."""
        groups = (
            ("Ip", self.ip),
            ("Icmp", self.icmp),
            ("Tcp", self.tcp),
            ("Udp", self.udp),
            ("TcpExt", self.tcp_ext),
            ("IpExt", self.ip_ext),
        )
        for prefix, group in groups:
            for name in group.__slots__:
                yield prefix + name, getattr(group, name)
        for reason in sorted(self.drops):
            yield f"Drop.{reason}", self.drops[reason]
