namespace Fastblock.Roles.Config.Toml;

/// <summary>The types a TOML value can have.</summary>
internal enum TomlKind : byte
{
    Text,
    Integer,
    Float,
    Boolean,
    OffsetDateTime,
    LocalDateTime,
    LocalDate,
    LocalTime,
    Array,
    Table,
}
