//! Record, fragment, ClientHello: what is read lies inside the datagram, and says what it says.
#![no_main]

use dtlsv1_listen::hello::wire::{ClientHello, Fragment, Method, Record, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    let Some((header, rest)) = datagram.split_first_chunk() else { return };
    let Ok(record) = Record::parse(header, rest) else { return };
    assert!(rest.starts_with(record.body));
    assert!(record.sequence_number() < 1 << 48);
    let Ok(fragment) = Fragment::parse(record.body) else { return };
    assert_eq!(fragment.message.len(), fragment.body.len() + 12);
    assert!(fragment.body.len() <= fragment.message_len as usize);
    let any = ClientHello::parse(fragment.body, Method::Any);
    let fixed = ClientHello::parse(fragment.body, Method::Fixed(Version(0xFEFD)));
    let Ok(hello) = any else {
        assert!(fixed.is_err());
        return;
    };
    // Written back, the fields are the bytes they came from.
    let mut again = hello.version.0.to_be_bytes().to_vec();
    again.extend(hello.random);
    again.push(hello.session_id.len() as u8);
    again.extend(hello.session_id);
    again.push(hello.cookie.len() as u8);
    again.extend(hello.cookie);
    assert!(fragment.body.starts_with(&again));
});
