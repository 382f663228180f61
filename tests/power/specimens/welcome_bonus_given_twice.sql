-- title: The welcome bonus is asked for twice
-- class: insert_where_not_exists
-- construct: language sql, string body
-- anomaly: double apply
-- orders: few

-- @schema
create schema bonus;
create table bonus.grant_ (member uuid not null, reason text not null, points numeric(8, 2) not null);

-- @racy
create function bonus.welcome(uuid) returns numeric
language sql
as '
    insert into bonus.grant_ (member, reason, points)
    select $1, ''welcome'', 25
    where not exists (select from bonus.grant_ where member = $1 and reason = ''welcome'');
    select sum(points) from bonus.grant_ where member = $1;
';

-- @safe
create unique index on bonus.grant_ (member, reason);
create function bonus.welcome(uuid) returns numeric
language sql
as '
    insert into bonus.grant_ (member, reason, points)
    values ($1, ''welcome'', 25)
    on conflict do nothing;
    select sum(points) from bonus.grant_ where member = $1;
';

-- @alone
select bonus.welcome(null);

-- @race
-- @values member uuid
-- @setup
-- @session phone
-- @call welcome
select bonus.welcome(:member);
-- @session desk
-- @call welcome
select bonus.welcome(:member);
