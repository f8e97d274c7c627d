//! Blocks in order, lost, doubled and wrapped; and a client that gets everything whatever the network does.

use super::*;

fn sending(length: usize, block: usize, window: u64) -> Sending {
    let image: Vec<u8> = (0..length).map(|n| (n % 251).to_le_bytes()[0]).collect();
    Sending::new(image.into(), Mode::Octet, &Agreed { block, window, timeout: None, answer: vec![] })
}

/// All blocks that may go out now, by their numbers on the wire.
fn burst(sending: &mut Sending) -> Vec<u16> {
    let (mut sent, mut packet) = (Vec::new(), Vec::new());
    while sending.next().is_some() {
        sending.write(&mut packet);
        sent.push(u16::from_be_bytes([packet[2], packet[3]]));
    }
    sent
}

#[test]
fn one_block_waits_for_the_other() {
    let mut sending = sending(1200, 512, 1);
    for (block, said) in [(1, Acknowledged::More), (2, Acknowledged::More), (3, Acknowledged::All)] {
        assert_eq!(burst(&mut sending), [block]);
        assert!(burst(&mut sending).is_empty(), "it is not acknowledged");
        assert_eq!(sending.acknowledge(block), said);
    }
    assert!(sending.next().is_none());
}

#[test]
fn an_image_that_fills_its_last_block_ends_with_an_empty_one() {
    let mut sending = sending(1024, 512, 4);
    let mut packet = Vec::new();
    for length in [516, 516, 4] {
        sending.write(&mut packet);
        assert_eq!(packet.len(), length);
    }
    assert!(sending.next().is_none() && sending.is_sent());
    assert_eq!(sending.acknowledge(3), Acknowledged::All);
}

#[test]
fn a_repeated_acknowledgement_sends_nothing_again() {
    let mut sending = sending(5000, 512, 1);
    burst(&mut sending);
    assert_eq!(sending.acknowledge(1), Acknowledged::More);
    assert_eq!(burst(&mut sending), [2]);
    for block in [1, 1, 0, 3, 65_535] {
        assert_eq!(sending.acknowledge(block), Acknowledged::Repeated, "{block}");
        assert!(burst(&mut sending).is_empty());
    }
    sending.go_back();
    assert_eq!(burst(&mut sending), [2], "only silence does");
}

#[test]
fn a_window_goes_out_at_once_and_a_gap_in_it_again_from_there() {
    let mut sending = sending(512 * 20, 512, 8);
    assert_eq!(burst(&mut sending), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(sending.acknowledge(8), Acknowledged::More);
    assert_eq!(burst(&mut sending), [9, 10, 11, 12, 13, 14, 15, 16]);
    assert_eq!(sending.acknowledge(11), Acknowledged::Gap);
    assert_eq!(burst(&mut sending), [12, 13, 14, 15, 16, 17, 18, 19]);
    assert_eq!(sending.acknowledge(11), Acknowledged::Gap, "12 was lost");
    assert_eq!(burst(&mut sending), [12, 13, 14, 15, 16, 17, 18, 19]);
    assert_eq!(sending.acknowledge(11), Acknowledged::Repeated, "told already");
    assert_eq!(sending.acknowledge(19), Acknowledged::More);
    assert_eq!(burst(&mut sending), [20, 21]);
    assert_eq!((sending.acknowledge(21), sending.at()), (Acknowledged::All, 512 * 20));
}

#[test]
fn the_count_wraps_to_nought_after_65535() {
    let mut sending = sending(8 * 66_000, 8, 1);
    for block in 1..=66_000_u32 {
        let wire = u16::try_from(block % 65_536).unwrap();
        assert_eq!(burst(&mut sending), [wire]);
        assert_eq!(sending.acknowledge(wire), Acknowledged::More, "{block}");
    }
    assert_eq!(burst(&mut sending), [465]);
    assert_eq!(sending.acknowledge(465), Acknowledged::All);
}

#[test]
fn a_window_lies_across_the_wrap() {
    let mut sending = sending(8 * 65_600, 8, 5);
    for last in (5..=65_535_u16).step_by(5) {
        burst(&mut sending);
        assert_eq!(sending.acknowledge(last), Acknowledged::More);
    }
    assert_eq!(burst(&mut sending), [0, 1, 2, 3, 4]);
    assert_eq!(sending.acknowledge(1), Acknowledged::Gap);
    assert_eq!(burst(&mut sending), [2, 3, 4, 5, 6]);
}

#[test]
fn a_text_goes_out_as_a_network_terminal_has_it() {
    let text = b"a\nb\r\nc\r";
    for block in [8, 9, 512] {
        for window in [1, 3] {
            let agreed = Agreed { block, window, timeout: None, answer: vec![] };
            let mut sending = Sending::new(Bytes::from_static(text), Mode::Netascii, &agreed);
            let (mut got, mut packet) = (Vec::new(), Vec::new());
            let mut block_number = 0;
            loop {
                while sending.next().is_some() {
                    sending.write(&mut packet);
                    block_number = u16::from_be_bytes([packet[2], packet[3]]);
                    got.extend_from_slice(&packet[4..]);
                }
                if sending.acknowledge(block_number) == Acknowledged::All {
                    break;
                }
            }
            assert_eq!(got, b"a\r\nb\r\0\r\nc\r\0", "{block} {window}");
        }
    }
}

proptest::proptest! {
    /// Whatever is lost or doubled, a client that follows the RFCs gets the image, and nothing goes out for ever.
    #[test]
    fn every_image_arrives(
        length in 0..6000_usize,
        block in 8..700_usize,
        window in 1..10_u64,
        text in proptest::bool::ANY,
        fate in proptest::collection::vec(0..10_u8, 400),
    ) {
        let image: Bytes = (0..length).map(|n| b"ab\r\nc"[n * n % 5]).collect::<Vec<u8>>().into();
        let mode = if text { Mode::Netascii } else { Mode::Octet };
        let agreed = Agreed { block, window, timeout: None, answer: vec![] };
        let mut sending = Sending::new(image.clone(), mode, &agreed);
        // The network is bad for a while, and then good.
        let mut fate = fate.into_iter().chain(std::iter::repeat(9));
        let (mut got, mut had, mut packet, mut rounds) = (Vec::new(), 0_u16, Vec::new(), 0);
        let done = loop {
            rounds += 1;
            proptest::prop_assert!(rounds < 5_000);
            let mut acks = Vec::new();
            let mut in_window = 0;
            while sending.next().is_some() {
                sending.write(&mut packet);
                let luck = fate.next().unwrap_or(9);
                if luck == 0 {
                    continue;
                }
                let number = u16::from_be_bytes([packet[2], packet[3]]);
                if number == had.wrapping_add(1) {
                    had = number;
                    got.extend_from_slice(&packet[4..]);
                    in_window += 1;
                    if in_window == window || packet.len() < 4 + block {
                        acks.push(had);
                        in_window = 0;
                    }
                } else {
                    acks.push(had);
                    in_window = 0;
                }
                if luck == 1 {
                    acks.extend(acks.last().copied());
                }
            }
            let mut all = false;
            let mut heard = false;
            for ack in acks {
                if fate.next().unwrap_or(9) != 0 {
                    let said = sending.acknowledge(ack);
                    heard |= said != Acknowledged::Repeated;
                    all |= said == Acknowledged::All;
                }
            }
            if all {
                break true;
            }
            if !heard {
                sending.go_back();
            }
        };
        let wire: Vec<u8> = match mode {
            Mode::Octet => image.to_vec(),
            Mode::Netascii => image.iter().flat_map(|byte| match byte {
                b'\n' => vec![b'\r', b'\n'],
                b'\r' => vec![b'\r', 0],
                other => vec![*other],
            }).collect(),
        };
        proptest::prop_assert!(done && got == wire);
    }
}
