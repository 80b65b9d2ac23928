use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use reqwest::Method;
use reqwest::multipart::{Form, Part};

use crate::support::{ApiClient, ApiResponse, Server, png, text};

const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";

const RED: [u8; 3] = [200, 30, 30];
const BLUE: [u8; 3] = [30, 30, 200];

/// JPEG XLs of 60 × 30 pixels in these colours, losslessly encoded by libjxl.
const RED_JXL: &[u8] = b"\xff\x0a\xe8\x70\x10\x09\x08\x00\x01\x00\x58\x00\x4b\x18\x8b\x15\x00\xd4\x88\x41\
    \x1b\xe3\x1e\x40\x04\x18\x08\x00\xe0\xf0\xe3\x9c\xc4\x54";
const BLUE_JXL: &[u8] = b"\xff\x0a\xe8\x70\x10\x09\x08\x00\x01\x00\x58\x00\x4b\x18\x8b\x15\x00\xd4\x88\x41\
    \x1b\xe3\x1e\x40\x04\x18\x08\x00\x58\xf1\xe4\xd3\x44\x54";

/// A single-colour image.
fn picture(format: ImageFormat, colour: [u8; 3]) -> Vec<u8> {
    let picture = DynamicImage::ImageRgb8(RgbImage::from_pixel(60, 30, image::Rgb(colour)));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

async fn send_raw(caller: &ApiClient, path: &str, media_type: &str, bytes: impl Into<Vec<u8>>) -> ApiResponse {
    let request = caller.request(Method::POST, path).header("Content-Type", media_type);
    caller.send(request.body(bytes.into())).await
}

async fn send_form(caller: &ApiClient, name: &str, bytes: impl Into<Vec<u8>>) -> ApiResponse {
    let form = Form::new().part("photo", Part::bytes(bytes.into()).file_name(name.to_owned()));
    caller.send(caller.request(Method::POST, "/profile_photo").multipart(form)).await
}

/// The caller's photo, which must be a JPEG of 400×400 pixels.
async fn photo(server: &Server, caller: &ApiClient) -> RgbImage {
    let answer = caller.get("/profile_photo").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let url = text(&answer.ok()["url"]);
    let answer = server.anonymous().get(&url).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/jpeg"));
    let photo = image::load_from_memory_with_format(&answer.body, ImageFormat::Jpeg).unwrap().to_rgb8();
    assert_eq!(photo.dimensions(), (400, 400));
    photo
}

#[tokio::test]
async fn pictures_of_five_kinds_become_a_square() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let of = |format| [picture(format, RED), picture(format, BLUE)];
    for (kind, pictures) in [
        ("JPEG", of(ImageFormat::Jpeg)),
        ("PNG", of(ImageFormat::Png)),
        ("WebP", of(ImageFormat::WebP)),
        ("GIF", of(ImageFormat::Gif)),
        ("JPEG XL", [RED_JXL.to_vec(), BLUE_JXL.to_vec()]),
    ] {
        for (at, (bytes, colour)) in pictures.into_iter().zip([RED, BLUE]).enumerate() {
            // The declared type and name do not matter.
            let answer = match at {
                0 => send_raw(&ann, "/profile_photo", "image/x-whatever", bytes).await,
                _ => send_form(&ann, "notes.txt", bytes).await,
            };
            assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{kind}");
            answer.ok();
            let shown = photo(&server, &ann).await.get_pixel(200, 200).0;
            let near = shown.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 30);
            assert!(near, "{kind}: {shown:?} instead of {colour:?}");
        }
    }
}

#[tokio::test]
async fn the_refusal_of_another_format_names_the_accepted_ones() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let others = [&b"BM and a bitmap"[..], b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", SVG.as_bytes()];
    for bytes in others {
        let raw = send_raw(&ann, "/profile_photo", "image/x-whatever", bytes).await;
        for answer in [raw, send_form(&ann, "me.jpg", bytes).await] {
            let detail = text(&answer.refused(422, "invalid_image")["detail"]);
            for kind in ["JPEG,", "PNG", "WebP", "GIF", "JPEG XL"] {
                assert!(detail.contains(kind), "{kind}: {detail}");
            }
        }
    }
}

#[tokio::test]
async fn an_invalid_picture_is_refused_and_the_old_one_stays() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let bmp = {
        let mut bytes = b"BM".to_vec();
        bytes.extend([0; 100]);
        bytes
    };
    let whole = picture(ImageFormat::Png, [1, 2, 3]);
    let jpeg = picture(ImageFormat::Jpeg, [1, 2, 3]);
    // A header that claims 100,000 × 100,000 pixels.
    let mut bomb = whole.clone();
    bomb[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&100_000_u32.to_be_bytes());
    let refused = [
        SVG.as_bytes().to_vec(),
        bmp,
        whole[..whole.len() / 2].to_vec(),
        jpeg[..20].to_vec(),
        bomb,
        b"GIF89a".to_vec(),
        b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(),
        b"hello".to_vec(),
        Vec::new(),
    ];
    for bytes in &refused {
        send_raw(&ann, "/profile_photo", "image/png", bytes.clone()).await.refused(422, "invalid_image");
        send_form(&ann, "me.png", bytes.clone()).await.refused(422, "invalid_image");
    }
    ann.get("/profile_photo").await.refused(404, "not_found");
    send_form(&ann, "me.png", whole).await.ok();
    for bytes in refused {
        send_form(&ann, "me.png", bytes).await.refused(422, "invalid_image");
    }
    photo(&server, &ann).await;
}

#[tokio::test]
async fn a_photo_is_set_removed_and_announced() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let has_one = async |caller: &ApiClient| caller.get("/user").await.ok()["has_profile_photo"].clone();
    ann.get("/profile_photo").await.refused(404, "not_found");
    ann.delete("/profile_photo").await.refused(404, "not_found");
    assert_eq!(has_one(&ann).await, false);
    send_raw(&ann, "/profile_photo", "image/png", png(500, 300)).await.ok();
    assert_eq!((has_one(&ann).await, has_one(&bob).await), (true.into(), false.into()));
    bob.get("/profile_photo").await.refused(404, "not_found");
    // Photos do not count against the quota.
    assert_eq!(ann.quota().await["used_bytes"], 0);
    send_raw(&ann, "/profile_photo", "image/png", picture(ImageFormat::Png, [250, 250, 250])).await.ok();
    assert!(photo(&server, &ann).await.get_pixel(9, 9).0.iter().all(|value| *value > 240));
    ann.delete("/profile_photo").await.ok_empty();
    ann.get("/profile_photo").await.refused(404, "not_found");
    ann.delete("/profile_photo").await.refused(404, "not_found");
    assert_eq!(has_one(&ann).await, false);
}

#[tokio::test]
async fn both_spellings_of_the_path_lead_to_the_same_photo() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    send_raw(&ann, "/profile-photo", "image/png", png(40, 40)).await.ok();
    photo(&server, &ann).await;
    ann.get("/profile-photo").await.ok();
    ann.delete("/profile-photo").await.ok_empty();
    ann.get("/profile_photo").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_photo_is_sent_as_an_image_or_as_a_form_with_one_field() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    for media_type in ["application/json", "text/plain", "application/octet-stream", "video/mp4"] {
        send_raw(&ann, "/profile_photo", media_type, png(9, 9)).await.refused(415, "unsupported_media_type");
    }
    let none = ann.send(ann.request(Method::POST, "/profile_photo")).await;
    none.refused(415, "unsupported_media_type");
    let part = || Part::bytes(png(9, 9)).file_name("me.png");
    for (form, field) in [
        (Form::new().part("picture", part()), "picture"),
        (Form::new().part("photo", part()).part("photo", part()), "photo"),
        (Form::new().part("photo", part()).text("title", "me"), "title"),
    ] {
        let answer = ann.send(ann.request(Method::POST, "/profile_photo").multipart(form)).await;
        assert_eq!(answer.refused(422, "validation_failed")["errors"][0]["field"], field);
    }
    send_raw(&server.anonymous(), "/profile_photo", "image/png", png(9, 9)).await.refused(401, "unauthenticated");
    ann.get("/profile_photo").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_picture_of_more_than_five_mebibytes_is_too_large() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    // A JPEG may have trailing bytes.
    let mut picture = picture(ImageFormat::Jpeg, [9, 9, 9]);
    picture.resize(5 << 20, 0);
    send_raw(&ann, "/profile_photo", "image/jpeg", picture.clone()).await.ok();
    send_form(&ann, "me.jpg", picture.clone()).await.ok();
    picture.push(0);
    send_raw(&ann, "/profile_photo", "image/jpeg", picture.clone()).await.refused(413, "payload_too_large");
    send_form(&ann, "me.jpg", picture.clone()).await.refused(413, "payload_too_large");
    picture.resize(12 << 20, 0);
    send_raw(&ann, "/profile_photo", "image/jpeg", picture.clone()).await.refused(413, "payload_too_large");
    send_form(&ann, "me.jpg", picture).await.refused(413, "payload_too_large");
    photo(&server, &ann).await;
}
