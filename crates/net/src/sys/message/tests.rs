//! Control messages and names, as the kernel lays them out.

use super::*;

#[test]
fn the_source_that_is_written_is_the_address_that_is_read() {
    for ip in ["192.0.2.9", "2001:db8::9"] {
        let ip: IpAddr = ip.parse().unwrap();
        let mut control = Control::default();
        let len = control.write(Manner { source: Some((ip, 7)), segment: None });
        let read = Ancillary::read(&control.0[..len]);
        assert_eq!(read, Ancillary { asked: Some((ip, 7)), ..Ancillary::default() });
    }
}

#[test]
fn lost_datagrams_are_counted_once_and_across_the_wrap() {
    let seen = OverflowSeen::default();
    let at = |overflow| Ancillary { overflow, ..Ancillary::default() };
    for (count, newly) in [
        (None, 0),
        (Some(u32::MAX), u64::from(u32::MAX)),
        (None, 0),
        (Some(u32::MAX), 0),
        (Some(2), 3),
    ] {
        assert_eq!(seen.newly(&at(count)), newly, "{count:?}");
    }
}

#[test]
fn broken_control_messages_are_passed_over() {
    let mut control = Control::default();
    let source = Some(("192.0.2.9".parse().unwrap(), 7));
    let len = control.write(Manner { source, segment: None });
    for cut in 0..HEADER_SIZE + 12 {
        assert_eq!(Ancillary::read(&control.0[..cut]), Ancillary::default(), "cut at {cut}");
    }
    for declared in [0usize, 1, HEADER_SIZE - 1, HEADER_SIZE + 7, usize::MAX] {
        control.0[..LENGTH_SIZE].copy_from_slice(&declared.to_ne_bytes());
        assert_eq!(Ancillary::read(&control.0[..len]), Ancillary::default(), "{declared}");
    }
}

#[test]
fn a_name_that_is_written_is_the_address_that_is_read() {
    for address in ["192.0.2.9:4660", "[2001:db8::9]:1", "[fe80::1%7]:65535"] {
        let address: SocketAddr = address.parse().unwrap();
        let (name, len) = Name::of(address);
        assert_eq!(name.address(len), Some(address));
        assert_eq!(name.address(len / 3), None, "{address} cut short");
        assert_eq!(name.address(0), None);
    }
}

#[test]
fn what_is_said_of_a_train_follows_the_source() {
    let mut control = Control::default();
    let source = Some(("2001:db8::9".parse().unwrap(), 7));
    let len = control.write(Manner { source, segment: Some(1200) });
    let (_, _, _, rest) = split_first(&control.0[..len]).unwrap();
    let segment = 1200_u16.to_ne_bytes();
    let (level, kind, data, rest) = split_first(rest).unwrap();
    assert_eq!((level, kind, data), (libc::SOL_UDP, libc::UDP_SEGMENT, &segment[..]));
    assert!(rest.is_empty());
}

#[test]
fn the_length_of_the_datagrams_in_a_train_is_read() {
    let mut control = Control::default();
    for (len, expect) in [(1200_i32, 1200), (0, 0), (-1, 0)] {
        let end = control.append(0, (libc::SOL_UDP, libc::UDP_GRO), &len.to_ne_bytes());
        assert_eq!(control.read(end), Ancillary { segment: expect, ..Ancillary::default() });
    }
}
