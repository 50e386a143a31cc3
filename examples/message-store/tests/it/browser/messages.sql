-- A store as it may be: for the picture of the page.
INSERT INTO messages(sender, recipient, subject, body, sent_at) VALUES
('Ines Moreau', 'Tomás Rivera', 'Keys to the boathouse', 'They hang behind the door of the workshop, on the left. The small one is for the padlock.', '2026-11-24T08:12:41.000Z'),
('Tomás Rivera', 'Ines Moreau', NULL, 'Found them, thank you!', '2026-11-24T08:40:03.000Z'),
('Build bot <build@harbour.example>', 'Everyone', 'Nightly build 4182 is green', '1,204 tests in 3 min 41 s. Nothing was skipped.', '2026-11-25T02:03:41.000Z'),
('Bob', 'Alice', NULL, 'I need your help.', '2026-11-25T16:20:00.000Z'),
('Alice', 'Bob', NULL, 'On my way. Give me ten minutes.', '2026-11-25T16:21:30.000Z'),
('Aiko Tanaka <aiko@lantern.example>', 'Harbour office', 'Harbour lights, last invoice', 'The last of the three invoices is paid. The receipt is in the blue folder, second shelf, and a copy went to the office in Rotterdam.

If the totals differ again, please tell me before Friday, since I am away next week.', '2026-11-26T09:05:12.000Z'),
('Nadia El-Amrani', 'Ines Moreau, Tomás Rivera', 'Minutes of Thursday', 'We keep the Thursday slot. The boat goes into the water on the first weekend of April, if the weather lets us.

  - varnish: Tomás
  - sails: Nadia
  - harbour permit: Ines (asked for, not yet there)

The rest is in the folder.', '2026-11-27T10:02:55.000Z'),
('Bob', 'Alice', NULL, 'Did you see <b>this</b>? The parser keeps the tags & shows them as they are :-)', '2026-11-27T11:30:09.000Z'),
('Ola Nordmann', 'Everyone', 'Grøt på fredag', 'Vi møtes klokka tolv. Ta med egen skje.', '2026-11-28T07:45:00.000Z'),
('Build bot <build@harbour.example>', 'Everyone', 'Nightly build 4185 failed', 'One of 1,204 tests failed:

    harbour::lights::they_go_off_at_dawn
    expected 06:58, was 07:58

It looks like the end of summer time.', '2026-11-28T02:04:10.000Z'),
('Alice', 'Bob', 'Re: the lights', 'It was the time zone, as always. Fixed, with a test that fails without it.', '2026-11-28T09:14:27.000Z'),
('Tomás Rivera', 'Nadia El-Amrani', NULL, 'The varnish is dry. Two coats, and you can see yourself in it.', '2026-11-29T17:01:33.000Z'),
('Ines Moreau', 'Everyone', 'The permit is here', 'Stamped this morning. April can come.', '2026-11-29T20:48:19.000Z');
