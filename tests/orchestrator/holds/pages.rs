//! Whole pages of `sipherd why`, at 22:01 on Friday 20 November 2026 in Berlin.

pub const NOT_QUIET_YET: &str = "\
2001  snom D785  10.1.64.14 → 10.1.198.19        held by policy night
  ok    identity           snom D785
  ok    selected           policy night, priority 0
  ok    work to do         10.1.64.14 → 10.1.198.19
  ok    image fits         snomD785-10.1.198.19-SIP-r.bin
  ok    attempts           0 of 3 used
  ok    window             open until Sat 21 Nov 03:00
  ok    blackout           none
  ok    PBX view           pocket, fresh
  ok    registered         line 2001
  HOLD  idle               quiet for 1 min of 10 min (line 2001); ok from Fri 20 Nov 22:10 (in 9 min)
  ok    coverage           in no group
  ok    budget             0 of 1 down
earliest: Fri 20 Nov 22:10
";

pub const OUTSIDE_WINDOW: &str = "\
2002  snom D785  10.1.64.14        held by policy door
  ok    identity           snom D785
  ok    selected           policy door, priority 0
  ok    work to do         one reboot in each window
  ok    image fits         no image needed
  ok    attempts           0 of 3 used
  HOLD  window             opens Sun 22 Nov 03:30 (in 1 d 11 h), until Sun 22 Nov 05:30
  ok    blackout           none
  ok    PBX view           pocket, fresh
  ok    registered         line 2002
  HOLD  idle               quiet for 1 min of 10 min (line 2002); ok from Fri 20 Nov 16:10 (in 9 min)
  ok    coverage           in no group
  ok    budget             0 of 1 down
earliest: Sun 22 Nov 03:30
";

pub const TOO_LITTLE_LEFT: &str = "\
2003  snom D785  10.1.64.14 → 10.1.198.19        held by policy tight
  ok    identity           snom D785
  ok    selected           policy tight, priority 0
  ok    work to do         10.1.64.14 → 10.1.198.19
  ok    image fits         snomD785-10.1.198.19-SIP-r.bin
  ok    attempts           0 of 3 used
  HOLD  window             window closes in 19 min, the phone needs 21 min; ok from Fri 27 Nov 21:30 (in 6 d 23 h)
  ok    blackout           none
  ok    PBX view           pocket, fresh
  ok    registered         line 2003
  HOLD  idle               quiet for 1 min of 10 min (line 2003); ok from Fri 20 Nov 22:10 (in 9 min)
  ok    coverage           in no group
  ok    budget             0 of 1 down
earliest: Fri 27 Nov 21:30
";

pub const ALREADY_REBOOTED: &str = "\
2008  snom D785  10.1.64.14        held by policy reboots
  ok    identity           snom D785
  ok    selected           policy reboots, priority 0
  HOLD  work to do         rebooted in this window already (22:00); ok from Fri 27 Nov 22:00 (in 6 d 23 h)
  ok    image fits         no image needed
  HOLD  attempts           after its last NOTIFY: not before Fri 20 Nov 22:05:00; ok in 4 min
  ok    window             open until Sat 21 Nov 03:00
  ok    blackout           none
  ok    PBX view           pocket, fresh
  ok    registered         line 2008
  ok    idle               quiet for 1 min
  ok    coverage           in no group
  ok    budget             0 of 1 down
earliest: Fri 27 Nov 22:00
";

pub const PENALTY_BOX: &str = "\
2012  snom D785  10.1.64.14        held by policy reboots
  ok    identity           snom D785
  ok    selected           policy reboots, priority 0
  ok    work to do         one reboot in each window
  ok    image fits         no image needed
  HOLD  attempts           after its last NOTIFY: not before Fri 20 Nov 22:05:00; after refused with 500 Refused: not before Fri 20 Nov 22:10:51; ok in 9 min
  ok    window             open until Sat 21 Nov 03:00
  ok    blackout           none
  ok    PBX view           pocket, fresh
  ok    registered         line 2012
  ok    idle               quiet for 1 min
  ok    coverage           in no group
  ok    budget             0 of 1 down
earliest: Fri 20 Nov 22:10:51
";

pub const VIEW_STALE: &str = "\
2014  unknown phone        held by policy night
  HOLD  identity           no profile for unknown phone
  ok    selected           policy night, priority 0
  ok    work to do         update to release snom-new
  HOLD  image fits         release snom-new has no image for it
  ok    attempts           0 of 3 used
  ok    window             open until Sat 21 Nov 03:00
  ok    blackout           none
  HOLD  PBX view           no view of annex
  HOLD  registered         line 2014 is not registered
  HOLD  idle               in an unknown state (line 2014)
  ok    coverage           in no group
  ok    budget             0 of 1 down
earliest: as soon as ok: identity, image fits, PBX view, registered, idle
";

pub const BUSY: &str = "\
2018  snom D785  10.1.64.14 → 10.1.198.19        held by policy night
  ok    identity           snom D785
  ok    selected           policy night, priority 0
  ok    work to do         10.1.64.14 → 10.1.198.19
  ok    image fits         snomD785-10.1.198.19-SIP-r.bin
  ok    attempts           0 of 3 used
  ok    window             open until Sat 21 Nov 03:00
  ok    blackout           none
  ok    PBX view           pocket, fresh
  ok    registered         line 2018
  HOLD  idle               in a call (line 2018)
  ok    coverage           in no group
  ok    budget             0 of 1 down
earliest: as soon as ok: idle
";

pub const UNDER_WAY: &str = "\
LINE  snom D785  10.1.64.14        held by policy slow
  ok    identity           snom D785
  ok    selected           policy slow, priority 0
  ok    work to do         one reboot in each window
  ok    image fits         no image needed
  ok    attempts           0 of 3 used
  ok    window             open until Sat 21 Nov 03:00
  ok    blackout           none
  ok    PBX view           pocket, fresh
  HOLD  registered         line LINE is not registered
  ok    idle               no line registered
  ok    coverage           in no group
  HOLD  budget             under way: away; moves on or fails by Fri 20 Nov 22:03 (in 2 min)
away since Fri 20 Nov 22:00, for slow, attempt 1
";

pub const BUDGET_FULL: &str = "\
LINE  snom D785  10.1.64.14        held by policy slow
  ok    identity           snom D785
  ok    selected           policy slow, priority 0
  ok    work to do         one reboot in each window
  ok    image fits         no image needed
  ok    attempts           0 of 3 used
  ok    window             open until Sat 21 Nov 03:00
  ok    blackout           none
  ok    PBX view           pocket, fresh
  ok    registered         line LINE
  ok    idle               quiet for 1 min
  ok    coverage           in no group
  HOLD  budget             1 of 1 phones of slow are down
earliest: as soon as ok: budget
";
