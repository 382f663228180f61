-- title: Two teams book overlapping hours
-- @setup
insert into racy.slot (team, hours) values ('club', '[8,9)');
-- @session reds
-- @call book
select racy.book('reds', 17, 19);
-- @session blues
-- @call book
select racy.book('blues', 18, 20);
