-- SPDX-License-Identifier: Apache-2.0
--
-- Wireshark dissector of the Homa transport: IP protocol 146, and Homa behind
-- TCP headers. Copy it to ~/.local/lib/wireshark/plugins, or name it:
--
--   wireshark -X lua_script:homa.lua FILE
--   tshark -X lua_script:homa.lua -r FILE -Y homa.time -T fields -e homa.id -e homa.time

local homa = Proto("homa", "Homa Transport Protocol")

homa.prefs.tcp = Pref.bool("Decode Homa inside TCP", true,
    "Segments with just SYN and RST set and urgent pointer 0xb97d are Homa packets")

local IP_PROTO_TCP, IP_PROTO_HOMA = 6, 146
local TCP_HEADER_BYTES, TCP_FLAGS, TCP_URGENT = 20, 0x06, 0xb97d
local MAX_MESSAGE_BYTES = 1000000
local MAX_ACKS, ACK_BYTES = 5, 10
local LEVELS = 8
local COMMON_BYTES, DATA_BYTES = 28, 56
local DOFF_GSO = 0xd0
local ALL_ONES = 0xffffffff -- an offset: see sequence; a length: everything

local DATA, GRANT, RESEND, CUTOFFS, FREEZE, NEED_ACK, ACK = 0x10, 0x11, 0x12, 0x15, 0x16, 0x17, 0x18

local NAMES = {
    [DATA] = "DATA", [GRANT] = "GRANT", [RESEND] = "RESEND", [0x13] = "RPC_UNKNOWN", [0x14] = "BUSY",
    [CUTOFFS] = "CUTOFFS", [FREEZE] = "FREEZE", [NEED_ACK] = "NEED_ACK", [ACK] = "ACK",
}

-- Least bytes of each type. Senders without priorities leave a RESEND's last byte out.
local MIN_BYTES = {
    [DATA] = DATA_BYTES, [GRANT] = 33, [RESEND] = 36, [0x13] = COMMON_BYTES, [0x14] = COMMON_BYTES,
    [CUTOFFS] = 62, [FREEZE] = COMMON_BYTES, [NEED_ACK] = COMMON_BYTES, [ACK] = 80,
}

local f = {
    sport = ProtoField.uint16("homa.srcport", "Source port"),
    dport = ProtoField.uint16("homa.dstport", "Destination port"),
    sequence = ProtoField.uint32("homa.sequence", "Sequence"),
    type = ProtoField.uint8("homa.type", "Type", base.HEX, NAMES),
    doff = ProtoField.uint8("homa.doff", "Header words repeated by segmentation", base.DEC, nil, 0xf0),
    flags = ProtoField.uint8("homa.flags", "TCP flags", base.HEX),
    checksum = ProtoField.uint16("homa.checksum", "Checksum (receivers do not verify it)", base.HEX),
    urgent = ProtoField.uint16("homa.urgent", "TCP urgent pointer", base.HEX),
    sender_id = ProtoField.uint64("homa.sender_id", "RPC id, as the sender knows it"),
    id = ProtoField.uint64("homa.id", "RPC id, as the client knows it"),
    from_client = ProtoField.bool("homa.from_client", "Sent by the client"),
    in_tcp = ProtoField.bool("homa.in_tcp", "Inside TCP"),

    message_length = ProtoField.uint32("homa.message_length", "Message length"),
    incoming = ProtoField.uint32("homa.incoming", "Sent without further grants up to"),
    ack_id = ProtoField.uint64("homa.ack.id", "RPC id"),
    ack_port = ProtoField.uint16("homa.ack.port", "Server port"),
    cutoff_version = ProtoField.uint16("homa.cutoff_version", "Version of the receiver's cutoffs"),
    retransmit = ProtoField.bool("homa.retransmit", "Retransmission"),
    response_unsched = ProtoField.uint16("homa.response_unsched", "Response bytes without grants (0: no limit)"),
    seg_offset = ProtoField.uint32("homa.seg_offset", "Segment offset", base.HEX_DEC),
    offset = ProtoField.uint32("homa.offset", "Offset of the payload"),
    payload_length = ProtoField.uint32("homa.payload_length", "Payload length"),
    segments = ProtoField.uint32("homa.segments", "Segments to be"),
    payload = ProtoField.bytes("homa.payload", "Payload"),

    grant_offset = ProtoField.uint32("homa.grant.offset", "May be sent up to"),
    priority = ProtoField.uint8("homa.priority", "Priority level"),
    resend_offset = ProtoField.uint32("homa.resend.offset", "First byte wanted"),
    resend_length = ProtoField.uint32("homa.resend.length", "Bytes wanted", base.DEC, {[ALL_ONES] = "all that was sent"}),
    cutoff = ProtoField.uint32("homa.cutoffs.length", "Longest message"),
    cutoffs_version = ProtoField.uint16("homa.cutoffs.version", "Version"),
    capture = ProtoField.uint64("homa.freeze.capture", "Name of the moment in traces", base.HEX),
    num_acks = ProtoField.uint16("homa.num_acks", "Number of acks"),
    trailer = ProtoField.bytes("homa.trailer", "Bytes behind the header"),

    request_in = ProtoField.framenum("homa.request_in", "Request begins in", base.NONE, frametype.REQUEST),
    response_in = ProtoField.framenum("homa.response_in", "Response is complete in", base.NONE, frametype.RESPONSE),
    acked_in = ProtoField.framenum("homa.acked_in", "Acknowledged in", base.NONE, frametype.ACK),
    complete = ProtoField.bool("homa.complete", "The message is complete"),
    time = ProtoField.relative_time("homa.time", "Response time"),
}
homa.fields = f

local function problem(name, text, severity)
    return ProtoExpert.new("homa.expert." .. name, text, expert.group.MALFORMED, severity or expert.severity.ERROR)
end

local function event(name, text, severity)
    return ProtoExpert.new("homa.expert." .. name, text, expert.group.SEQUENCE, severity)
end

local e = {
    short = problem("short", "Packet is shorter than its header"),
    type = problem("type", "Unknown packet type"),
    port = problem("port", "Port 0"),
    id = problem("id", "RPC id 0"),
    direction = problem("direction", "Type is not allowed in this direction"),
    message_length = problem("message_length", "Message length is not in 1 to 1000000"),
    range = problem("range", "Bytes outside of the message"),
    empty = problem("empty", "DATA without payload"),
    length_changed = problem("length_changed", "Message length differs from earlier packets"),
    incoming = problem("incoming", "Limit lies beyond the message", expert.severity.WARN),
    num_acks = problem("num_acks", "More acks than a packet holds"),
    ack_id = problem("ack_id", "Ack names a server's id"),
    priority = problem("priority", "Priority level is not in 0 to 7", expert.severity.WARN),
    tcp = problem("tcp", "Malformed or truncated TCP segment"),
    cut = ProtoExpert.new("homa.expert.cut", "Header was not captured completely",
        expert.group.UNDECODED, expert.severity.NOTE),
    retransmission = event("retransmission", "Retransmission", expert.severity.NOTE),
    duplicate = event("duplicate", "All its bytes were seen before", expert.severity.NOTE),
    resend = event("resend", "Bytes are missing", expert.severity.NOTE),
    unknown = event("rpc_unknown", "The RPC is not known to the sender", expert.severity.WARN),
    need_ack = event("need_ack", "The server waits for an acknowledgement", expert.severity.CHAT),
}
homa.experts = e

-- What earlier packets told. Filled when a frame is seen first, in order.
local rpcs, frames

function homa.init()
    rpcs, frames = {}, {}
end

local function rpc_of(client, server, id)
    local key = client .. " " .. server .. " " .. tostring(id)
    rpcs[key] = rpcs[key] or {request = {}, response = {}}
    return rpcs[key]
end

-- Adds [from, to) to the sorted, disjoint ranges; returns how much of it is new.
local function add_range(ranges, from, to)
    local first, last, added = #ranges + 1, #ranges, to - from
    while first > 1 and ranges[first - 1].to >= from do first = first - 1 end
    while last >= 1 and ranges[last].from > to do last = last - 1 end
    for i = first, last do
        local r = ranges[i]
        added = added - math.max(0, math.min(r.to, to) - math.max(r.from, from))
    end
    if first <= last then
        from, to = math.min(from, ranges[first].from), math.max(to, ranges[last].to)
    end
    for _ = first, last do table.remove(ranges, first) end
    table.insert(ranges, first, {from = from, to = to})
    return added
end

-- Returns what is to be said about this frame: {duplicate=, complete=, changed=}.
local function note_data(message, pinfo, length, offset, bytes)
    local note = {}
    if not message.length then
        message.length, message.missing, message.ranges = length, length, {}
        message.first_frame, message.first_time = pinfo.number, pinfo.rel_ts
    end
    note.changed = message.length ~= length
    if note.changed then return note end
    local added = add_range(message.ranges, offset, offset + bytes)
    message.missing = message.missing - added
    note.duplicate = added == 0
    if added > 0 and message.missing == 0 then
        note.complete = true
        message.last_frame, message.last_time = pinfo.number, pinfo.rel_ts
    end
    return note
end

local function nstime(seconds)
    local whole = math.floor(seconds)
    return NSTime(whole, math.floor((seconds - whole) * 1e9 + 0.5))
end

local function add_related(tree, rpc, number)
    local function link(field, frame)
        if frame and frame ~= number then tree:add(field, frame):set_generated() end
    end
    link(f.request_in, rpc.request.first_frame)
    link(f.response_in, rpc.response.last_frame)
    link(f.acked_in, rpc.acked_frame)
    if rpc.response.last_frame == number and rpc.request.first_time then
        tree:add(f.time, nstime(rpc.response.last_time - rpc.request.first_time)):set_generated()
    end
end

-- One acknowledgement; adds its RPC to acked and returns its text, or nil.
local function add_ack(buf, tree, acked)
    local id = buf(0, 8):uint64()
    if id == UInt64(0) then return nil end
    local sub = tree:add(homa, buf(0, ACK_BYTES), ("Ack of RPC %s at port %d"):format(id, buf(8, 2):uint()))
    local item = sub:add(f.ack_id, buf(0, 8))
    if id:band(1) ~= UInt64(0) then item:add_proto_expert_info(e.ack_id) end
    sub:add(f.ack_port, buf(8, 2))
    table.insert(acked, id)
    return tostring(id)
end

-- A packet caught before the device segments it: 52 bytes of header are
-- followed by segments of a 4-byte offset and data. Returns how many there are.
local function count_segments(buf, offset)
    local total = buf:len() - DATA_BYTES
    for size = 1, total - 5 do
        if buf(DATA_BYTES + size, 4):uint() == offset + size then
            local count, at = 1, size
            while at + 4 < total and buf(DATA_BYTES + at, 4):uint() == offset + count * size do
                count, at = count + 1, at + size + 4
            end
            if at >= total then return count end
        end
    end
    return 1
end

local function dissect_data(buf, pinfo, tree, ctx)
    local length = buf(28, 4):uint()
    local length_item = tree:add(f.message_length, buf(28, 4))
    local incoming_item = tree:add(f.incoming, buf(32, 4))
    local ack = add_ack(buf(36, ACK_BYTES):tvb(), tree, ctx.acked)
    tree:add(f.cutoff_version, buf(46, 2))
    local retransmit = tree:add(f.retransmit, buf(48, 1))
    tree:add(f.response_unsched, buf(50, 2))
    tree:add(f.seg_offset, buf(52, 4))

    local at_segment = buf(52, 4):uint() ~= ALL_ONES
    local offset_bytes = at_segment and buf(52, 4) or buf(4, 4)
    local offset = offset_bytes:uint()
    local offset_item = tree:add(f.offset, offset_bytes):set_generated()
    local bytes, segments = ctx.bytes - DATA_BYTES, 1
    if buf(12, 1):uint() == DOFF_GSO and buf(48, 1):uint() == 0 and buf:len() == ctx.bytes then
        segments = count_segments(buf, offset)
        bytes = bytes - 4 * (segments - 1)
    end
    tree:add(f.payload_length, bytes):set_generated()
    if segments > 1 then tree:add(f.segments, segments):set_generated() end
    if buf:len() > DATA_BYTES then tree:add(f.payload, buf(DATA_BYTES)) end

    ctx.text = ("%s %d-%d of %d"):format(ctx.from_client and "request" or "response",
        offset, offset + math.max(bytes, 1) - 1, length)
    if ack then ctx.text = ctx.text .. ", acks " .. ack end
    local valid = false
    if length < 1 or length > MAX_MESSAGE_BYTES then
        length_item:add_proto_expert_info(e.message_length)
    elseif bytes < 1 then
        tree:add_proto_expert_info(e.empty)
    elseif offset >= length or offset + bytes > length then
        offset_item:add_proto_expert_info(e.range)
    else
        valid = true
    end
    if buf(32, 4):uint() > length then incoming_item:add_proto_expert_info(e.incoming) end
    if buf(48, 1):uint() ~= 0 then
        ctx.text = ctx.text .. ", retransmitted"
        retransmit:add_proto_expert_info(e.retransmission)
    end
    if not valid or not ctx.rpc then return end

    if not pinfo.visited then
        local message = ctx.from_client and ctx.rpc.request or ctx.rpc.response
        frames[pinfo.number] = note_data(message, pinfo, length, offset, bytes)
    end
    local note = frames[pinfo.number]
    if note.changed then length_item:add_proto_expert_info(e.length_changed) end
    if note.duplicate then tree:add_proto_expert_info(e.duplicate) end
    if note.complete then tree:add(f.complete, true):set_generated() end
end

local function add_priority(buf, tree)
    local item = tree:add(f.priority, buf)
    if buf:uint() >= LEVELS then item:add_proto_expert_info(e.priority) end
end

local function dissect_grant(buf, _, tree, ctx)
    local item = tree:add(f.grant_offset, buf(28, 4))
    if buf(28, 4):uint() > MAX_MESSAGE_BYTES then item:add_proto_expert_info(e.range) end
    add_priority(buf(32, 1), tree)
    ctx.text = ("to %d, level %d"):format(buf(28, 4):uint(), buf(32, 1):uint())
end

local function dissect_resend(buf, _, tree, ctx)
    local first, length = buf(28, 4):uint(), buf(32, 4):uint()
    tree:add(f.resend_offset, buf(28, 4))
    local item = tree:add(f.resend_length, buf(32, 4))
    item:add_proto_expert_info(e.resend)
    ctx.text = ("%d-%d"):format(first, first + math.max(length, 1) - 1)
    if length == ALL_ONES then
        ctx.text = "everything"
    elseif first + length > MAX_MESSAGE_BYTES then
        item:add_proto_expert_info(e.range)
    end
    if buf:len() > 36 then
        add_priority(buf(36, 1), tree)
        ctx.text = ctx.text .. (", level %d"):format(buf(36, 1):uint())
        ctx.header_bytes = 37
    end
end

local function dissect_cutoffs(buf, _, tree, ctx)
    local cutoffs = {}
    for level = 0, LEVELS - 1 do
        local range = buf(28 + 4 * level, 4)
        tree:add(f.cutoff, range):prepend_text(("Level %d: "):format(level))
        table.insert(cutoffs, range:uint())
    end
    tree:add(f.cutoffs_version, buf(60, 2))
    ctx.text = ("version %d: %s"):format(buf(60, 2):uint(), table.concat(cutoffs, " "))
end

local function dissect_ack(buf, _, tree, ctx)
    local count = buf(28, 2):uint()
    local item, ids = tree:add(f.num_acks, buf(28, 2)), {}
    if count > MAX_ACKS then item:add_proto_expert_info(e.num_acks) end
    if ctx.id then table.insert(ctx.acked, ctx.id) end
    for i = 0, math.min(count, MAX_ACKS) - 1 do
        local text = add_ack(buf(30 + i * ACK_BYTES, ACK_BYTES):tvb(), tree, ctx.acked)
        if text then table.insert(ids, text) end
    end
    if #ids > 0 then ctx.text = "and of " .. table.concat(ids, " ") end
end

local function dissect_freeze(buf, _, tree, ctx)
    if buf:len() < 36 then return end -- of senders that give it no name
    tree:add(f.capture, buf(28, 8))
    ctx.text = ("capture %s"):format(buf(28, 8):bytes():tohex(true))
    ctx.header_bytes = 36
end

local BODIES = {
    [DATA] = dissect_data, [GRANT] = dissect_grant, [RESEND] = dissect_resend,
    [CUTOFFS] = dissect_cutoffs, [FREEZE] = dissect_freeze, [ACK] = dissect_ack,
}

-- The 28 bytes every packet begins with. Returns type, client's id, from_client.
local function dissect_common(buf, tree)
    local ports = {tree:add(f.sport, buf(0, 2)), tree:add(f.dport, buf(2, 2))}
    tree:add(f.sequence, buf(4, 4))
    local type = buf(11, 1):uint()
    local type_item = tree:add(f.type, buf(11, 1))
    tree:add(f.doff, buf(12, 1))
    tree:add(f.flags, buf(13, 1))
    tree:add(f.checksum, buf(16, 2))
    tree:add(f.urgent, buf(18, 2))
    local sender_id = buf(20, 8):uint64()
    local id_item = tree:add(f.sender_id, buf(20, 8))
    local id = sender_id:rshift(1):lshift(1)
    local from_client = id == sender_id
    if not NAMES[type] then type_item:add_proto_expert_info(e.type) end
    if type == FREEZE then return type end -- concerns a host, not an RPC
    tree:add(f.id, buf(20, 8), id):set_generated()
    tree:add(f.from_client, buf(27, 1), from_client):set_generated()
    for i = 0, 1 do
        if buf(2 * i, 2):uint() == 0 then ports[i + 1]:add_proto_expert_info(e.port) end
    end
    if id == UInt64(0) then id_item:add_proto_expert_info(e.id) end
    if (type == ACK and not from_client) or (type == NEED_ACK and from_client) then
        type_item:add_proto_expert_info(e.direction)
    end
    return type, id, from_client
end

local function incomplete(buf, tree, need)
    if buf:reported_len() < need then
        tree:add_proto_expert_info(e.short)
    elseif buf:len() < need then
        tree:add_proto_expert_info(e.cut)
    else
        return false
    end
    return true
end

local function dissect(buf, pinfo, root, in_tcp)
    pinfo.cols.protocol = "Homa"
    local tree = root:add(homa, buf())
    if in_tcp then tree:add(f.in_tcp, true):set_generated() end
    if incomplete(buf, tree, COMMON_BYTES) then
        pinfo.cols.info = "Homa, too short"
        return buf:len()
    end
    local type, id, from_client = dissect_common(buf, tree)
    local name = NAMES[type] or ("type 0x%02x"):format(type)
    pinfo.src_port, pinfo.dst_port = buf(0, 2):uint(), buf(2, 2):uint()

    local ctx = {
        bytes = buf:reported_len(), id = id, from_client = from_client, text = "", acked = {},
        header_bytes = MIN_BYTES[type],
    }
    local title = name .. (id and " " .. tostring(id) or "")
    if not ctx.header_bytes or incomplete(buf, tree, ctx.header_bytes) then
        pinfo.cols.info = ("%d → %d %s"):format(pinfo.src_port, pinfo.dst_port, title)
        return buf:len()
    end

    -- A packet quoted in an ICMP message is not one that passed by here.
    local client, server = tostring(pinfo.src), tostring(pinfo.dst)
    if not from_client then client, server = server, client end
    local live = id and not pinfo.in_error_pkt
    if live then ctx.rpc = rpc_of(client, server, id) end

    if BODIES[type] then BODIES[type](buf, pinfo, tree, ctx) end
    if type == 0x13 then tree:add_proto_expert_info(e.unknown) end
    if type == NEED_ACK then tree:add_proto_expert_info(e.need_ack) end
    if type ~= DATA and buf:len() > ctx.header_bytes then tree:add(f.trailer, buf(ctx.header_bytes)) end

    if live then
        for _, acked in ipairs(ctx.acked) do
            local rpc = rpc_of(client, server, acked)
            rpc.acked_frame = rpc.acked_frame or pinfo.number
        end
        add_related(tree, ctx.rpc, pinfo.number)
    end
    if ctx.text ~= "" then title = title .. " " .. ctx.text end
    tree:append_text(", " .. title)
    pinfo.cols.info = ("%d → %d %s"):format(pinfo.src_port, pinfo.dst_port, title)
    return buf:len()
end

function homa.dissector(buf, pinfo, root)
    return dissect(buf, pinfo, root, false)
end

-- TCP asks none of its heuristics about segments with RST. So this stands
-- before TCP and hands on what is not Homa.
local in_tcp = Proto("homa_tcp", "Homa inside TCP, or TCP")
local tcp = Dissector.get("tcp")

function in_tcp.dissector(buf, pinfo, root)
    if homa.prefs.tcp and buf:len() >= TCP_HEADER_BYTES and buf(13, 1):uint() == TCP_FLAGS
        and buf(18, 2):uint() == TCP_URGENT then
        return dissect(buf, pinfo, root, true)
    end
    -- TCP reports broken segments by an exception, which may not pass through Lua.
    local ok, used = pcall(tcp.call, tcp, buf, pinfo, root)
    if not ok then root:add_proto_expert_info(e.tcp) end
    return ok and used or buf:len()
end

local protocols = DissectorTable.get("ip.proto")
protocols:add(IP_PROTO_HOMA, homa)
protocols:add(IP_PROTO_TCP, in_tcp)
