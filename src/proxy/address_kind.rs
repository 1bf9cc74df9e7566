//! What an address is for: the whole internet, or a network of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressKind {
    /// Anybody's, on the internet.
    Public,
    /// A private network's: RFC 1918, carrier-grade NAT, ULA; documentation's, which only such a network
    /// uses.
    Private,
    /// This machine's own.
    Loopback,
    /// A link's own, where clouds answer with credentials; and where they do so elsewhere.
    LinkLocal,
    /// Nobody's to connect to: multicast, unspecified, tunnels.
    Reserved,
}

impl AddressKind {
    /// As it stands in a sentence: `a private address`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Private => "a private address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local or metadata address",
            Self::Reserved => "a reserved address",
        }
    }

    /// What this address is for. An IPv6 address that stands for an IPv4 address is what that is.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

/// Networks that are not public, the first that fits. Registries: IANA IPv4 Special-Purpose Addresses.
const V4: [(Ipv4Addr, u32, AddressKind); 18] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, AddressKind::Reserved),
    (Ipv4Addr::new(10, 0, 0, 0), 8, AddressKind::Private),
    // Where Alibaba's cloud answers, inside of the next.
    (
        Ipv4Addr::new(100, 100, 100, 200),
        32,
        AddressKind::LinkLocal,
    ),
    (Ipv4Addr::new(100, 64, 0, 0), 10, AddressKind::Private),
    (Ipv4Addr::new(127, 0, 0, 0), 8, AddressKind::Loopback),
    // Where Azure answers, otherwise a public network.
    (Ipv4Addr::new(168, 63, 129, 16), 32, AddressKind::LinkLocal),
    (Ipv4Addr::new(169, 254, 0, 0), 16, AddressKind::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, AddressKind::Private),
    // Where Oracle's cloud answers.
    (Ipv4Addr::new(192, 0, 0, 192), 32, AddressKind::LinkLocal),
    (Ipv4Addr::new(192, 0, 0, 0), 24, AddressKind::Reserved),
    (Ipv4Addr::new(192, 0, 2, 0), 24, AddressKind::Private),
    (Ipv4Addr::new(192, 88, 99, 0), 24, AddressKind::Reserved),
    (Ipv4Addr::new(192, 168, 0, 0), 16, AddressKind::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, AddressKind::Reserved),
    (Ipv4Addr::new(198, 51, 100, 0), 24, AddressKind::Private),
    (Ipv4Addr::new(203, 0, 113, 0), 24, AddressKind::Private),
    (Ipv4Addr::new(224, 0, 0, 0), 4, AddressKind::Reserved),
    (Ipv4Addr::new(240, 0, 0, 0), 4, AddressKind::Reserved),
];

fn of_v4(address: Ipv4Addr) -> AddressKind {
    let inside = |(network, bits, _): &&(Ipv4Addr, u32, AddressKind)| {
        (address.to_bits() ^ network.to_bits()) >> (32 - bits) == 0
    };
    V4.iter()
        .find(inside)
        .map_or(AddressKind::Public, |(_, _, kind)| *kind)
}

fn of_v6(address: Ipv6Addr) -> AddressKind {
    let parts = address.segments();
    let v4_of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressKind::Reserved,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressKind::Loopback,
        // Mapped, translated (SIIT) and compatible; NAT64; 6to4; ISATAP: the address inside is the one
        // reached.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => of_v4(v4_of(high, low)),
        // NAT64 of a network's own.
        [0x64, 0xff9b, 1, ..] => AddressKind::Private,
        // Where Amazon's cloud answers, inside of the next.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => AddressKind::LinkLocal,
        [0xfc00..=0xfdff, ..] => AddressKind::Private,
        [0xfe80..=0xfebf, ..] => AddressKind::LinkLocal,
        // Site-local, which nobody gives out any more.
        [0xfec0..=0xfeff, ..] => AddressKind::Private,
        // Protocols' own, Teredo among them.
        [0x2001, 0..=0x1ff, ..] => AddressKind::Reserved,
        // Documentation's.
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => AddressKind::Private,
        // All that IANA has given out.
        [0x2000..=0x3fff, ..] => AddressKind::Public,
        _ => AddressKind::Reserved,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kinds() {
        use AddressKind::*;
        for (address, kind) in [
            ("1.1.1.1", Public),
            ("8.8.8.8", Public),
            ("9.255.255.255", Public),
            ("11.0.0.0", Public),
            ("0.0.0.0", Reserved),
            ("0.1.2.3", Reserved),
            ("10.1.2.3", Private),
            ("100.63.255.255", Public),
            ("100.64.0.1", Private),
            ("100.127.255.255", Private),
            ("100.100.100.200", LinkLocal),
            ("100.128.0.0", Public),
            ("127.0.0.1", Loopback),
            ("127.255.0.3", Loopback),
            ("168.63.129.16", LinkLocal),
            ("169.254.169.254", LinkLocal),
            ("172.15.0.1", Public),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("172.32.0.0", Public),
            ("192.0.0.192", LinkLocal),
            ("192.168.1.1", Private),
            ("198.19.0.1", Reserved),
            ("224.0.0.1", Reserved),
            ("255.255.255.255", Reserved),
            ("::", Reserved),
            ("::1", Loopback),
            ("::2", Reserved),
            ("::127.0.0.1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:169.254.169.254", LinkLocal),
            ("::ffff:8.8.8.8", Public),
            ("::ffff:0:10.0.0.1", Private),
            ("64:ff9b::127.0.0.1", Loopback),
            ("64:ff9b::8.8.8.8", Public),
            ("64:ff9b:1::8.8.8.8", Private),
            ("2002:7f00:1::", Loopback),
            ("2002:a9fe:a9fe::1", LinkLocal),
            ("2001:0:1::", Reserved),
            ("2606:4700::5efe:10.0.0.1", Private),
            ("2001:4860:4860::8888", Public),
            ("2606:4700:4700::1111", Public),
            ("2001:db8::1", Private),
            ("203.0.113.80", Private),
            ("fc00::1", Private),
            ("fd12::1", Private),
            ("fd00:ec2::254", LinkLocal),
            ("fe80::1", LinkLocal),
            ("fec0::1", Private),
            ("ff02::1", Reserved),
            ("4000::1", Reserved),
            ("100::1", Reserved),
        ] {
            let read: IpAddr = address.parse().unwrap();
            assert_eq!(AddressKind::of(read), kind, "{address}");
        }
    }

    proptest! {
        /// No way of writing an IPv4 address as IPv6 makes it another kind.
        #[test]
        fn a_form_changes_nothing(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let kind = AddressKind::of(v4.into());
            let [a, b, c, d] = v4.octets();
            for form in [
                format!("::ffff:{v4}"),
                format!("64:ff9b::{v4}"),
                format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
            ] {
                prop_assert_eq!(AddressKind::of(form.parse().unwrap()), kind, "{}", form);
            }
        }

        /// The standard library knows some kinds, too.
        #[test]
        fn public_is_none_that_std_knows(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let known = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_unspecified() || v4.is_documentation();
            prop_assert!(!known || AddressKind::of(v4.into()) != AddressKind::Public);
        }
    }
}
