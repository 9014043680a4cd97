namespace Fastblock.Roles.Client;

/// <summary>How an image is opened.</summary>
internal enum ImageOpenMode : byte
{
    /// <summary>Owns nothing, may be one of many; sees the owner's acknowledged writes.</summary>
    ReadOnly,

    /// <summary>As the one owner; refused while another one lives.</summary>
    Write,

    /// <summary>As the one owner; another one is fenced.</summary>
    TakeOver,
}
