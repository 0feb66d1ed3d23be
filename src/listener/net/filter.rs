//! Which door a datagram comes through: the rule, and the same as a program of classic BPF that the
//! kernel runs for each datagram (socket(7), `SO_ATTACH_REUSEPORT_CBPF`). It takes no privilege.
//!
//! Strangers' datagrams and clients' lie in buffers of their own, so that a flood of the one takes no
//! room from the other; and among strangers, who has a cookie, right or wrong, is apart from who has
//! none.

/// How many doors there are.
pub(crate) const DOORS: usize = 3;

/// Through which socket a datagram comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Hellos without a cookie, and what is no DTLS.
    Strangers = 0,
    /// Hellos with a cookie, and the fragments behind a hello's first.
    Cookies = 1,
    /// Everything that a client sends once its cookie was right.
    Clients = 2,
}

const HANDSHAKE: u8 = 22;
const FIRST_TYPE: u8 = 20;
/// What is encrypted may be of types that have no meaning yet.
const LAST_TYPE: u8 = 26;
const MAJOR: u8 = 0xFE;
const CLIENT_HELLO: u8 = 1;

/// Where things are in a datagram that begins with a ClientHello.
const TYPE_AT: usize = 0;
const MAJOR_AT: usize = 1;
const EPOCH_AT: usize = 3;
const MESSAGE_AT: usize = 13;
const OFFSET_AT: usize = 19;
const SESSION_ID_AT: usize = 59;
const BEHIND_SESSION_ID: usize = SESSION_ID_AT + 1;

/// The rule, as the program has it.
pub(crate) fn door_of(datagram: &[u8]) -> Door {
    let at = |at: usize| datagram.get(at).copied();
    let (Some(message), Some(MAJOR), Some(kind @ FIRST_TYPE..=LAST_TYPE)) =
        (at(MESSAGE_AT), at(MAJOR_AT), at(TYPE_AT))
    else {
        return Door::Strangers;
    };
    if datagram.get(EPOCH_AT..).is_some_and(|epoch| !epoch.starts_with(&[0, 0])) {
        return Door::Clients;
    }
    if kind != HANDSHAKE {
        return if kind > HANDSHAKE { Door::Strangers } else { Door::Clients };
    }
    if message != CLIENT_HELLO {
        return Door::Clients;
    }
    let Some(offset) = datagram.get(OFFSET_AT..).and_then(|rest| rest.first_chunk::<4>()) else {
        return Door::Strangers;
    };
    if !offset.starts_with(&[0, 0, 0]) {
        return Door::Cookies;
    }
    let cookie = at(SESSION_ID_AT)
        .and_then(|session_id| BEHIND_SESSION_ID.checked_add(session_id.into()))
        .and_then(at);
    if matches!(cookie, None | Some(0)) { Door::Strangers } else { Door::Cookies }
}

/// Where a check goes on.
#[derive(Clone, Copy)]
enum To {
    Next,
    Go(Door),
}

/// An instruction of the checks, and where it jumps to.
type Check = (Instruction, To, To);

/// Goes on with the next one, except for jumps.
const fn step(instruction: Instruction) -> Check {
    (instruction, To::Next, To::Next)
}

/// Goes to `then` if the accumulator and `k` are so, else to `otherwise`.
const fn test(comparison: u32, k: u32, then: To, otherwise: To) -> Check {
    (statement(libc::BPF_JMP | comparison | libc::BPF_K, k), then, otherwise)
}

const STRANGERS: To = To::Go(Door::Strangers);
const COOKIES: To = To::Go(Door::Cookies);
const CLIENTS: To = To::Go(Door::Clients);
const NEXT: To = To::Next;

/// [`door_of`], in its order.
const CHECKS: [Check; 18] = [
    step(load(libc::BPF_B, MESSAGE_AT)),
    step(load(libc::BPF_B, MAJOR_AT)),
    test(libc::BPF_JEQ, MAJOR as u32, NEXT, STRANGERS),
    step(load(libc::BPF_B, TYPE_AT)),
    test(libc::BPF_JGE, FIRST_TYPE as u32, NEXT, STRANGERS),
    test(libc::BPF_JGT, LAST_TYPE as u32, STRANGERS, NEXT),
    step(load(libc::BPF_H, EPOCH_AT)),
    test(libc::BPF_JEQ, 0, NEXT, CLIENTS),
    step(load(libc::BPF_B, TYPE_AT)),
    test(libc::BPF_JGT, HANDSHAKE as u32, STRANGERS, NEXT),
    test(libc::BPF_JEQ, HANDSHAKE as u32, NEXT, CLIENTS),
    step(load(libc::BPF_B, MESSAGE_AT)),
    test(libc::BPF_JEQ, CLIENT_HELLO as u32, NEXT, CLIENTS),
    step(load(libc::BPF_W, OFFSET_AT)), // three bytes, and one behind
    test(libc::BPF_JSET, 0xFFFF_FF00, COOKIES, NEXT),
    step(load(libc::BPF_B, SESSION_ID_AT)),
    step(TO_X),
    step(statement(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, BEHIND_SESSION_ID as u32)),
];
const LAST_CHECK: Check = test(libc::BPF_JEQ, 0, STRANGERS, COOKIES);

/// Where the IP header begins, as a load's offset. The load of the payload itself begins at 0.
const IP: u32 = libc::SKF_NET_OFF as u32;
const IPV6_SOURCE_END: u32 = 22;
const IPV6_HEADER_LEN: u32 = 40;

/// What tells a peer's datagrams from another's, left in the accumulator: its port, which is in front
/// of the payload, behind an IP header of some length. Behind IPv6 extension headers it is not
/// looked for: the end of the address has to do.
const SHARD: [Instruction; 15] = [
    statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, IP),
    compute(libc::BPF_RSH, 4),
    jump(6, 6, 0),
    statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, IP),
    compute(libc::BPF_AND, 0xF),
    compute(libc::BPF_LSH, 2),
    TO_X,
    statement(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, IP),
    skip(6),
    statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, IP.wrapping_add(6)),
    jump(libc::IPPROTO_UDP as u32, 2, 0),
    statement(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, IP.wrapping_add(IPV6_SOURCE_END)),
    skip(2),
    statement(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, IP.wrapping_add(IPV6_HEADER_LEN)),
    skip(0),
];

type Instruction = libc::sock_filter;

const fn statement(code: u32, k: u32) -> Instruction {
    Instruction { code: code as u16, jt: 0, jf: 0, k }
}

/// Of this many bytes of the payload.
const fn load(size: u32, at: usize) -> Instruction {
    statement(libc::BPF_LD | size | libc::BPF_ABS, at as u32)
}

const fn compute(operation: u32, k: u32) -> Instruction {
    statement(libc::BPF_ALU | operation | libc::BPF_K, k)
}

/// Over as many instructions, if the accumulator is `k` and if it is not.
const fn jump(k: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { jt, jf, ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k) }
}

const fn skip(over: u32) -> Instruction {
    statement(libc::BPF_JMP | libc::BPF_JA, over)
}

const TO_X: Instruction = statement(libc::BPF_MISC | libc::BPF_TAX, 0);
/// `BPF_A`, for which libc has no name: return the accumulator.
const GIVE: Instruction = statement(libc::BPF_RET | 0x10, 0);
const REMAINDER: u32 = 0x90; // BPF_MOD
/// The scratch memory's place for the door.
const DOOR: u32 = 0;

/// Gives the number of a socket in its group: [`DOORS`] for each of the shards.
///
/// A load from behind the datagram's end ends the program with 0, the strangers' door of the first
/// shard: so what is cut short is junk, as in [`door_of`].
pub(super) struct Program {
    instructions: [Instruction; Self::ROOM],
    len: usize,
}

impl Program {
    const ROOM: usize = 48;

    pub(super) fn new(shards: u16) -> Self {
        let mut program = Self { instructions: [GIVE; Self::ROOM], len: 0 };
        let end = CHECKS.len().saturating_add(1);
        for (at, check) in (1_usize..).zip(CHECKS.iter().chain([&LAST_CHECK])) {
            program.push(resolved(check, end.saturating_sub(at)));
        }
        // Each door's two instructions, the first of which is jumped to.
        for (door, over) in [(Door::Strangers, 4), (Door::Cookies, 2), (Door::Clients, 0)] {
            program.push(statement(libc::BPF_LD | libc::BPF_IMM, door as u32));
            program.push(skip(over));
        }
        if shards > 1 {
            program.push(statement(libc::BPF_ST, DOOR));
            SHARD.iter().for_each(|instruction| program.push(*instruction));
            program.push(compute(REMAINDER, shards.into()));
            program.push(compute(libc::BPF_MUL, DOORS as u32));
            program.push(statement(libc::BPF_LDX | libc::BPF_MEM, DOOR));
            program.push(statement(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X, 0));
        }
        program.push(GIVE);
        program
    }

    fn push(&mut self, instruction: Instruction) {
        if let Some(place) = self.instructions.get_mut(self.len) {
            *place = instruction;
            self.len = self.len.saturating_add(1);
        }
    }

    pub(super) fn as_slice(&self) -> &[Instruction] {
        self.instructions.get(..self.len).unwrap_or_default()
    }
}

/// With its jumps as numbers; `left` checks stand behind it, and then the doors.
fn resolved((instruction, then, otherwise): &Check, left: usize) -> Instruction {
    let over = |to: &To| match to {
        To::Next => 0,
        To::Go(door) => left.saturating_add((*door as usize).saturating_mul(2)),
    };
    let jump = |to| u8::try_from(over(to)).unwrap_or(0);
    Instruction { jt: jump(then), jf: jump(otherwise), ..*instruction }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
