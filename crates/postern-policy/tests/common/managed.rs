//! The policies that AWS manages, from the sandbox's data (its README tells from where they come).

use miniz_oxide::inflate::decompress_to_vec_zlib;

static DATA: &[u8] = include_bytes!("../../../postern-sandbox/data/managed-policies.bin");

/// Name and document of each policy, sorted by name.
pub(crate) fn policies() -> Vec<(String, String)> {
    let inflate = |data: &[u8]| String::from_utf8(decompress_to_vec_zlib(data).unwrap()).unwrap();
    let start = DATA.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
    let (length, rest) = DATA[start..].split_first_chunk::<4>().unwrap();
    let (index, documents) = rest.split_at(u32::from_le_bytes(*length) as usize);
    let index = inflate(index);
    let mut lines = index.lines();
    let count: usize = lines.next().unwrap().strip_prefix("blocks\t").unwrap().parse().unwrap();
    let blocks: Vec<String> = lines
        .by_ref()
        .take(count)
        .map(|line| {
            let fields: Vec<usize> = line.split('\t').map(|field| field.parse().unwrap()).collect();
            inflate(&documents[fields[0]..fields[0] + fields[1]])
        })
        .collect();
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let number = |field: usize| -> usize { fields[field].parse().unwrap() };
            let (block, from, length) = (number(5), number(6), number(7));
            (fields[0].to_owned(), blocks[block][from..from + length].to_owned())
        })
        .collect()
}

/// The document of one of them.
pub(crate) fn policy(name: &str) -> String {
    policies().into_iter().find(|(known, _)| known == name).unwrap().1
}
