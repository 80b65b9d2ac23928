use clouddrive_domain::port::PhotoMaker;
#[tokio::main]
async fn main() {
    std::panic::set_hook(Box::new(|i| eprintln!("PANIC {:?}", i.location())));
    let m = clouddrive_image::SquarePhotos::new(1, 1);
    let mut s: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut next = move || { s ^= s << 13; s ^= s >> 7; s ^= s << 17; s };
    let files: Vec<Vec<u8>> = std::env::args().skip(2).map(|p| std::fs::read(p).unwrap()).collect();
    let start = std::time::Instant::now();
    let (mut ok, mut refused, mut other, mut slow) = (0, 0, 0, 0f64);
    while start.elapsed().as_secs() < 60 {
        let mut f = files[next() as usize % files.len()].clone();
        for _ in 0..1 + next() % 4 {
            let at = if next() % 2 == 0 { next() as usize % f.len().min(200) } else { next() as usize % f.len() };
            f[at] = match next() % 4 { 0 => 0xff, 1 => 0, _ => next() as u8 };
        }
        let t = std::time::Instant::now();
        match m.make(f.clone().into()).await { Ok(_) => ok += 1, Err(clouddrive_domain::Error::Refused(_)) => refused += 1, Err(e) => { other += 1; eprintln!("{e:?}") } }
        let e = t.elapsed().as_secs_f64();
        if e > slow { slow = e; if e > 2.0 { std::fs::write("/tmp/slow", &f).unwrap(); } }
    }
    let st = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("ok {ok} refused {refused} other {other} slowest {slow} {}", st.lines().find(|l| l.starts_with("VmHWM")).unwrap());
}
