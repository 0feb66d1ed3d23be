use super::*;

/// What the kernel does, for the instructions that are used (bpf(4)). `ip` is the IP and UDP headers.
fn run(program: &[Instruction], ip: &[u8], datagram: &[u8]) -> u32 {
    let bytes = |at: u32, size: u32| -> Option<u32> {
        let size = match size {
            libc::BPF_B => 1,
            libc::BPF_H => 2,
            _ => 4,
        };
        let at = at as i32;
        let (from, at) =
            if at >= 0 { (datagram, at) } else { (ip, at.wrapping_sub(libc::SKF_NET_OFF)) };
        let at = usize::try_from(at).ok()?;
        let bytes = from.get(at..at + size)?;
        Some(bytes.iter().fold(0, |n, byte| (n << 8) | u32::from(*byte)))
    };
    let (mut a, mut x, mut memory, mut at) = (0_u32, 0_u32, [0_u32; 16], 0_usize);
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        let code = u32::from(code);
        match code & 7 {
            libc::BPF_LD => match code & 0xE0 {
                libc::BPF_IMM => a = k,
                libc::BPF_MEM => a = memory[k as usize],
                libc::BPF_ABS | libc::BPF_IND => {
                    let from = if code & 0xE0 == libc::BPF_IND { k.wrapping_add(x) } else { k };
                    match bytes(from, code & 0x18) {
                        Some(loaded) => a = loaded,
                        None => return 0,
                    }
                }
                _ => panic!("load {code:#x}"),
            },
            libc::BPF_LDX => x = memory[k as usize],
            libc::BPF_ST => memory[k as usize] = a,
            libc::BPF_ALU => {
                let operand = if code & 8 == libc::BPF_X { x } else { k };
                a = match code & 0xF0 {
                    libc::BPF_ADD => a.wrapping_add(operand),
                    libc::BPF_MUL => a.wrapping_mul(operand),
                    libc::BPF_AND => a & operand,
                    libc::BPF_LSH => a << operand,
                    libc::BPF_RSH => a >> operand,
                    REMAINDER => a % operand,
                    _ => panic!("computation {code:#x}"),
                }
            }
            libc::BPF_JMP => {
                let holds = match code & 0xF0 {
                    libc::BPF_JA => {
                        at += k as usize;
                        continue;
                    }
                    libc::BPF_JEQ => a == k,
                    libc::BPF_JGT => a > k,
                    libc::BPF_JGE => a >= k,
                    libc::BPF_JSET => a & k != 0,
                    _ => panic!("jump {code:#x}"),
                };
                at += usize::from(if holds { jt } else { jf });
            }
            libc::BPF_RET => return if code & 0x18 == 0x10 { a } else { k },
            libc::BPF_MISC => x = a,
            _ => panic!("instruction {code:#x}"),
        }
    }
}

fn ipv4(options: usize, port: u16) -> Vec<u8> {
    let mut header = vec![0; 20 + options];
    header[0] = 0x40 | (5 + options as u8 / 4);
    header.extend(port.to_be_bytes());
    header.extend([0; 6]);
    header
}

fn ipv6(next: u8, address_end: u16, port: u16) -> Vec<u8> {
    let mut header = vec![0; 40];
    (header[0], header[6]) = (0x60, next);
    header[22..24].copy_from_slice(&address_end.to_be_bytes());
    header.extend(port.to_be_bytes());
    header.extend([0; 6]);
    header
}

/// The program's and the rule's, which have to agree.
fn door(datagram: &[u8]) -> Door {
    let door = door_of(datagram);
    let number = run(Program::new(1).as_slice(), &[], datagram);
    assert_eq!(number, door as u32, "{}", hex(datagram));
    door
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| ((pair[0] << 4) | pair[1]) as u8).collect()
}

/// What real clients sent: (name, datagram).
fn corpus() -> Vec<(String, Vec<u8>)> {
    let text = include_str!("../../../ctests/corpus/clienthellos.txt");
    let mut name = String::new();
    let mut all = Vec::new();
    for line in text.lines() {
        if let Some(stack) = line.strip_prefix('[') {
            name = stack.trim_end_matches(']').to_owned();
        } else if let Some(sent) = line.strip_prefix("> ") {
            all.push((name.clone(), unhex(sent)));
        }
    }
    all
}

fn is_first_fragment(datagram: &[u8]) -> bool {
    datagram[19..22] == [0, 0, 0]
}

#[test]
fn real_clients_come_through_the_right_doors() {
    let corpus = corpus();
    assert!(corpus.len() > 30, "{}", corpus.len());
    for (name, datagram) in &corpus {
        let cookie_at = 60 + usize::from(datagram[59]);
        let expected = if !is_first_fragment(datagram) || datagram[cookie_at] > 0 {
            Door::Cookies
        } else {
            Door::Strangers
        };
        assert_eq!(door(datagram), expected, "{name}");
    }
    let cookies = corpus.iter().filter(|(_, sent)| door(sent) == Door::Cookies).count();
    assert!(cookies * 3 > corpus.len() && cookies < corpus.len());
}

fn hello(cookie: &[u8]) -> Vec<u8> {
    let mut hello = vec![22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100];
    hello.extend([1, 0, 0, 88, 0, 0, 0, 0, 0, 0, 0, 88, 0xFE, 0xFD]);
    hello.extend([7; 32]);
    hello.extend([3, 1, 2, 3, cookie.len() as u8]);
    hello.extend(cookie);
    hello.resize(113, 0);
    hello
}

#[test]
fn each_kind_has_its_door() {
    let with = |at: usize, value: u8| {
        let mut datagram = hello(&[9; 32]);
        datagram[at] = value;
        datagram
    };
    for (what, datagram, expected) in [
        ("no cookie", hello(b""), Door::Strangers),
        ("cookie", hello(b"c"), Door::Cookies),
        ("fragment", with(21, 1), Door::Cookies),
        ("far fragment", with(19, 1), Door::Cookies),
        ("fragment of 2^23 bytes", with(22, 0x80), Door::Cookies),
        ("epoch 1", with(4, 1), Door::Clients),
        ("epoch 256", with(3, 1), Door::Clients),
        ("ClientKeyExchange", with(13, 16), Door::Clients),
        ("ChangeCipherSpec", with(0, 20), Door::Clients),
        ("alert", with(0, 21), Door::Clients),
        ("data of epoch 0", with(0, 23), Door::Strangers),
        ("type 19", with(0, 19), Door::Strangers),
        ("type 24", with(0, 24), Door::Strangers),
        ("type 27", with(0, 27), Door::Strangers),
        ("TLS", with(1, 3), Door::Strangers),
        ("session id past the end", with(59, 200), Door::Strangers),
    ] {
        assert_eq!(door(&datagram), expected, "{what}");
    }
}

#[test]
fn program_and_rule_agree_on_any_bytes() {
    let good = hello(&[9; 32]);
    for n in 0..good.len() {
        door(&good[..n]);
        for value in 0..=255 {
            let mut bytes = good.clone();
            bytes[n] = value;
            door(&bytes);
        }
    }
    for kind in 19..29 {
        for n in 0..20 {
            let mut bytes = hello(b"");
            (bytes[0], bytes[4]) = (kind, n % 2);
            bytes.truncate(usize::from(n));
            door(&bytes);
        }
    }
    for (_, datagram) in corpus() {
        for n in 0..datagram.len().min(100) {
            door(&datagram[..n]);
        }
    }
}

#[test]
fn the_programs_are_short_and_end() {
    assert_eq!(Program::new(1).as_slice().len(), 26);
    for shards in [1, 2, 4, 64, u16::MAX] {
        let program = Program::new(shards);
        let program = program.as_slice();
        assert!(program.len() < Program::ROOM);
        assert_eq!(program.last().unwrap().code, GIVE.code);
    }
}

#[test]
fn a_clients_datagrams_all_come_to_its_shard() {
    let datagrams = [hello(b""), hello(b"c"), {
        let mut data = hello(b"");
        (data[0], data[4]) = (23, 1);
        data
    }];
    for shards in [2_u16, 3, 7] {
        let program = Program::new(shards);
        for port in [1_u16, 2, 3, 5684, 65535] {
            for (door, datagram) in datagrams.iter().enumerate() {
                let run = |ip: Vec<u8>| run(program.as_slice(), &ip, datagram);
                let expected = u32::from(port % shards) * 3 + door as u32;
                assert_eq!(run(ipv4(0, port)), expected);
                assert_eq!(run(ipv4(40, port)), expected);
                assert_eq!(run(ipv6(17, 9, port)), expected);
                // Extension headers: the address has to do.
                assert_eq!(run(ipv6(0, port, 9)), expected);
            }
        }
        let (ip, junk) = (ipv4(0, 1), b"\0".repeat(40));
        assert_eq!(run(program.as_slice(), &ip, &junk), 3, "junk is spread as well");
        assert_eq!(run(program.as_slice(), &ip, b""), 0);
    }
}
