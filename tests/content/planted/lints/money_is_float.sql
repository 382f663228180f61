-- A price is kept in floating point.
alter table planted.webhook
alter column price type double precision;
