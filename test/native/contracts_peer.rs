// Compares contracts: reads pairs of lines, the contract of a client and that of a server, and answers each pair by a line with the
// methods of the client: `add+` for one that it can call there, `add-` for another one. Where one is no contract it says so.
use std::io::{stdin, BufRead};

#[path = "../../packages/native/rust/mmfbus.rs"]
#[allow(dead_code)]
mod mmfbus;
#[path = "../../packages/native/rust/mmfbus_service.rs"]
#[allow(dead_code)]
mod mmfbus_service;

use mmfbus_service::{method_named, read_contract, Method};

fn compared(client: &[Method], server: &[Method]) -> String {
    let outcomes = client.iter().map(|method| {
        let can_call = method_named(server, &method.name).map_or(false, |theirs| method.can_call(theirs));
        format!("{}{}", method.name, if can_call { '+' } else { '-' })
    });
    outcomes.collect::<Vec<String>>().join(" ")
}

fn main() {
    let lines: Vec<String> = stdin().lock().lines().map(Result::unwrap).collect();
    for pair in lines.chunks(2) {
        match (read_contract(&pair[0]), read_contract(&pair[1])) {
            (Some(client), Some(server)) => println!("{}", compared(&client, &server)),
            _ => println!("no contract"),
        }
    }
}
