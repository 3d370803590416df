//! From a reply's publishing to its confirm.

use super::*;

#[test]
fn a_channel_for_replies_is_renewed_once_a_second_at_most() {
    let mut desk = Desk::ample();
    desk.pass(SECOND);
    for _ in 0..3 {
        desk.request("1");
        let (id, _) = desk.reply();
        desk.link(LinkEvent::Refused(id));
        desk.pass(SECOND.saturating_sub(MILLI));
        assert_eq!(desk.commands(), [Command::RenewReplies; 1][..usize::from(desk.tags == 1)]);
        desk.pass(MILLI);
        if desk.tags > 1 {
            assert_eq!(desk.commands(), [Command::RenewReplies]);
        }
        desk.link(LinkEvent::RepliesRenewed);
        desk.commands();
    }
}
