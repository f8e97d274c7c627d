//! Call records as PBXs write them, odd lines included.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use sipherd::sim::records::{Format, NotRecords, Record, Records, read};

fn times(record: &Record) -> String {
    format!(
        "{} {} {}",
        record.from.format("%H:%M:%S"),
        record.until.format("%H:%M:%S"),
        record.users.join("+")
    )
}

fn told(records: &Records) -> (Vec<String>, Vec<(u64, &str)>) {
    let unusable = records.unusable.iter().map(|line| (line.line, line.why.as_str())).collect();
    (records.calls.iter().map(times).collect(), unusable)
}

const ASTERISK: &str = r#""","2117","2118","internal","""Ute Unger"" <2117>","PJSIP/2117-00000012","PJSIP/2118-00000013","Dial","PJSIP/2118,30","2026-11-16 09:00:05","2026-11-16 09:00:11","2026-11-16 09:04:00",235,229,"ANSWERED","DOCUMENTATION"
"","2118","015112345","internal","""Kai, Lager"" <2118>","PJSIP/2118-00000014","PJSIP/trunk-out-00000015","Dial","PJSIP/015112345@trunk-out,60","2026-11-16 08:30:00","","2026-11-16 08:30:20",20,0,"NO ANSWER","DOCUMENTATION","1795000000.20",""
"","015112345","2117","from-trunk","015112345","PJSIP/trunk-in-00000016","SIP/2117-00000017","Queue","sales","2026-11-16 10:00:00","2026-11-16 10:00:03","2026-11-16 10:01:00",60,57,"ANSWERED","DOCUMENTATION","1795000000.22","","","1795000000.22","41"
"","","s","default","","Local/2117@internal-00000001;1","","Playback","beep","2026-11-16 10:05:00","2026-11-16 10:05:00","2026-11-16 10:05:09",9,9,"ANSWERED","DOCUMENTATION"

"","2117","2118","internal","2117","PJSIP/2117-00000018","","Dial","","2026-11-16 25:00:00","","",0,0,"FAILED","DOCUMENTATION"
"","2117","2118","internal","2117","PJSIP/2117-00000019","","Dial","","2026-11-16 11:00:00","","",7,0,"FAILED","DOCUMENTATION"
"","2117","2118"
"","2117","2118","internal","2117","PJSIP/2117-0000001a","","Dial","","2026-11-16 11:00:00","","2026-11-16 10:00:00",7,0,"FAILED","DOCUMENTATION"
"#;

#[test]
fn asterisk_with_and_without_its_extra_columns() {
    let records = read(ASTERISK.as_bytes(), None).unwrap();
    assert_eq!(records.format, Format::Asterisk);
    let (calls, unusable) = told(&records);
    assert_eq!(
        calls,
        [
            "08:30:00 08:30:20 2118+trunk-out",
            "09:00:05 09:04:00 2117+2118",
            "10:00:00 10:01:00 trunk-in+2117",
            "11:00:00 11:00:07 2117",
        ]
    );
    assert_eq!(
        unusable,
        [
            (4, "no SIP channel is in it"),
            (6, "`2026-11-16 25:00:00` is not the time it began"),
            (8, "it has 3 columns, cdr_csv writes 16 to 21"),
            (9, "it ends before it begins"),
        ]
    );
}

const FREESWITCH: &str = r#""Ute Unger","1001","1002","default","2026-11-16 09:00:00","2026-11-16 09:00:05","2026-11-16 09:03:00","180","175","NORMAL_CLEARING","0b1c","2c3d","","PCMU","PCMU"
"","","1002","public","2026-11-16 08:00:00","","2026-11-16 08:00:30","30","0","NO_ANSWER","0b1d","","","",""
"10.0.0.1","Kai","1003","1001","default","2026-11-16 10:00:00","","","15","0","USER_BUSY","0b1e","","","",""
"Ute","1001","1002","default","yesterday","","","","","","","","","",""
"Ute","1001"
"#;

#[test]
fn freeswitch_in_its_stock_template() {
    let records = read(FREESWITCH.as_bytes(), None).unwrap();
    assert_eq!(records.format, Format::FreeSwitch);
    let (calls, unusable) = told(&records);
    assert_eq!(
        calls,
        ["08:00:00 08:00:30 1002", "09:00:00 09:03:00 1001+1002", "10:00:00 10:00:15 1003+1001"]
    );
    assert_eq!(
        unusable,
        [
            (4, "`yesterday` is not the time it began"),
            (5, "it has 2 columns, the template `example` writes 15")
        ]
    );
}

const KAMAILIO: &str = "\
id,method,from_tag,to_tag,callid,sip_code,sip_reason,time,src_user,src_domain,dst_ouser,dst_user
1,INVITE,a,b,c1,200,OK,2026-11-16 09:00:00,201,pbx,202,202
2,INVITE,a,b,c2,486,Busy here,2026-11-16 09:01:00,201,pbx,203,203
3,BYE,a,b,c1,200,OK,2026-11-16 09:05:00,,,,
4,BYE,x,y,c9,200,OK,2026-11-16 09:06:00,,,,
5,INVITE,a,b,c3,200,OK,2026-11-16 09:07:00,204,pbx,202,202
6,INVITE,a,b,c4,200,OK,09:07,204,pbx,202,202
7,INVITE,a,b,c5
8,MESSAGE,a,b,c6,200,OK,2026-11-16 09:07:00,204,pbx,202,202
";

#[test]
fn kamailio_pairs_the_beginning_with_the_end() {
    let records = read(KAMAILIO.as_bytes(), None).unwrap();
    assert_eq!(records.format, Format::Kamailio);
    let (calls, unusable) = told(&records);
    assert_eq!(calls, ["09:00:00 09:05:00 201+202"]);
    assert_eq!(
        unusable,
        [
            (3, "not answered (486): nothing tells how long it rang"),
            (5, "this call has no beginning here"),
            (6, "this call has no end here"),
            (7, "`09:07` is not a time"),
            (8, "it has 5 columns, the header has 12"),
            (9, "`MESSAGE` is neither the beginning nor the end of a call"),
        ]
    );
}

#[test]
fn what_is_no_record_is_refused() {
    assert_eq!(read(b"", None), Err(NotRecords::Empty));
    assert_eq!(read(b"\n\n", None), Err(NotRecords::Empty));
    assert_eq!(read(b"hello,world\n", None), Err(NotRecords::Unknown));
    let header = b"method,callid,sip_code,src_user,dst_user\n";
    assert_eq!(read(header, None), Err(NotRecords::Column("time")));
    // A format that was named is believed: each line is told then.
    let read = read(b"hello,world\n", Some(Format::Asterisk)).unwrap();
    assert_eq!((read.calls.len(), read.unusable.len()), (0, 1));
}

proptest::proptest! {
    #[test]
    fn no_bytes_break_the_readers(bytes: Vec<u8>, text in "[0-9a-z,\":\\- \n]{0,200}") {
        for format in [None, Some(Format::Asterisk), Some(Format::FreeSwitch), Some(Format::Kamailio)] {
            let _ = read(&bytes, format);
            let _ = read(text.as_bytes(), format);
        }
    }
}
