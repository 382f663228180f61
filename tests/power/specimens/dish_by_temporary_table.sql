-- title: Two dishes are paid from one meal plan
-- class: read_modify_write
-- construct: temporary table, security definer, pinned search_path, refcursor
-- anomaly: lost update

-- @schema
create schema canteen;
create table canteen.plan (student integer primary key, cents integer not null);
create table canteen.dish (name text primary key, cents integer not null);
create function canteen.price(p_dish text) returns refcursor language plpgsql as $$
declare
    c refcursor;
begin
    open c for select cents from canteen.dish where name = p_dish;
    return c;
end $$;

-- @racy
create function canteen.pay(p_student integer, p_dish text) returns integer language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    c refcursor := canteen.price(p_dish);
    v_cents integer;
begin
    create temporary table bill on commit drop as select cents from canteen.plan where student = p_student;
    fetch c into v_cents;
    update canteen.plan set cents = (select cents from bill) - v_cents
    where student = p_student returning cents into v_cents;
    return v_cents;
end $$;

-- @safe
create function canteen.pay(p_student integer, p_dish text) returns integer language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    c refcursor := canteen.price(p_dish);
    v_cents integer;
begin
    create temporary table bill on commit drop as
    select cents from canteen.plan where student = p_student for no key update;
    fetch c into v_cents;
    update canteen.plan set cents = (select cents from bill) - v_cents
    where student = p_student returning cents into v_cents;
    return v_cents;
end $$;

-- @race
-- @setup
insert into canteen.plan values (1, 5000);
insert into canteen.dish values ('soup', 250), ('cake', 300);
-- @session monday
-- @call pay
select canteen.pay(1, 'soup');
-- @session tuesday
-- @call pay
select canteen.pay(1, 'cake');
